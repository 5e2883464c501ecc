/*
 * Prints the ABI as a C compiler sees it: sizes, offsets, numbers. `cargo xtask c-test` puts a line for everything in
 * the header in place of LINES, and compares the output with golden.txt.
 */

#include <stdio.h>

#include "towline.h"

#define SIZE(type) printf("sizeof %s = %zu\n", #type, sizeof(type))
#define FIELD(type, field) printf("offsetof %s.%s = %zu\n", #type, #field, offsetof(type, field))
#define VALUE(name) printf("%s = %lld\n", #name, (long long)(name))

int main(void) {
    LINES
    return 0;
}
