/* A small primary for tests that are not about making one. */

#ifndef MAKE_H
#define MAKE_H

#include "check.h"
#include "towline.h"

static tow_node *make(void) {
    tow_config config;
    tow_boot boot;
    tow_node *node = NULL;
    CHECK(tow_config_init(&config, sizeof config) == TOW_OK);
    config.backlog_bytes = 65536;
    config.links_max = 1;
    memset(&boot, 0, sizeof boot);
    boot.struct_size = sizeof boot;
    boot.role = TOW_PRIMARY;
    boot.node = 1;
    CHECK(tow_node_new(&config, &boot, &node, NULL) == TOW_OK);
    return node;
}

#endif
