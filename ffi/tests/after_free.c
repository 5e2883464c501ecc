/* A use after free, on purpose: AddressSanitizer must report it, or it is not looking. */

#include "check.h"
#include "towline_sugar.h"

int main(void) {
    tow_config config;
    tow_boot boot;
    tow_node *node = NULL;
    CHECK(tow_config_init(&config, sizeof config) == TOW_OK);
    config.backlog_bytes = 65536;
    config.links_max = 1;
    memset(&boot, 0, sizeof boot);
    boot.struct_size = sizeof boot;
    boot.role = TOW_PRIMARY;
    CHECK(tow_node_new(&config, &boot, &node, NULL) == TOW_OK);
    tow_node_free(node);
    tow_tick(node, 0);
    puts("nobody noticed");
    return 0;
}
