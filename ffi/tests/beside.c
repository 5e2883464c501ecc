/* Two Rust static libraries in one program, each catching a panic of its own. */

#include "check.h"
#include "towline_sugar.h"

int second_caught(void);
tow_status tow_planted_panic(tow_node *node);

int main(void) {
    tow_config config;
    tow_boot boot;
    tow_node *node = NULL;
    CHECK(second_caught() == 7);
    CHECK(tow_config_init(&config, sizeof config) == TOW_OK);
    config.backlog_bytes = 65536;
    memset(&boot, 0, sizeof boot);
    boot.struct_size = sizeof boot;
    boot.role = TOW_PRIMARY;
    CHECK(tow_node_new(&config, &boot, &node, NULL) == TOW_OK);
    CHECK(tow_planted_panic(node) == TOW_E_PANIC);
    tow_node_free(node);
    CHECK(second_caught() == 7);
    puts("beside: well");
    return 0;
}
