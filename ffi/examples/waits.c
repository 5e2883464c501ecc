/* Writes that are acknowledged when n replicas have them: see waits.h. */

#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "waits.h"

/* loop begins */

void waits_add(waits *w, const tow_node *node, uint64_t offset) {
    if (w->replicas == 0) {
        return;
    }
    if (w->count == w->room) {
        w->room = w->room * 2 + 16;
        w->places = realloc(w->places, w->room * sizeof *w->places);
        if (w->places == NULL) {
            die("out of memory");
        }
    }
    must(tow_place_of(node, offset, &w->places[w->count++]), "place");
}

/* First ask, then wait: called after the events of each turn, and right after a write. */
void waits_look(waits *w, const tow_node *node, void (*answer)(const tow_place *write, int acknowledged)) {
    uint64_t reached;
    size_t done = 0;
    if (w->count == 0) {
        return;
    }
    must(tow_acked(node, TOW_APPLIED, w->replicas, &reached), "acked");
    while (done < w->count) {
        uint32_t held;
        must(tow_holds(node, &w->places[done], &held), "holds");
        if (held && w->places[done].offset > reached) {
            break; /* those behind it are newer still */
        }
        answer(&w->places[done++], held != 0);
    }
    memmove(w->places, w->places + done, (w->count - done) * sizeof *w->places);
    w->count -= done;
}

/* loop ends */

void waits_end(waits *w) {
    free(w->places);
    w->places = NULL;
    w->count = w->room = 0;
}
