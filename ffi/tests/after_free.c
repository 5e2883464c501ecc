/* A use after free, on purpose: AddressSanitizer must report it, or it does not work. */

#include "make.h"
#include "towline_sugar.h"

int main(void) {
    tow_node *node = make();
    tow_node_free(node);
    tow_tick(node, 0);
    puts("nobody noticed");
    return 0;
}
