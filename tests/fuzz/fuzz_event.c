/* links: plait_perf plait_common */
/* Any text as what -e takes, on a machine without PMUs and tracepoints: the grammar alone. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "perf/event/roots.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct plait_event_roots roots = { .sysfs = "/nowhere", .tracefs = "/nowhere" };
	char *text = malloc(size + 1);
	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	struct plait_event_list list = { 0 };
	struct plait_error *error = plait_event_list_parse_in(&roots, &list, text);
	if (error ? list.specs.count || !*error->message : !list.specs.count)
		abort();
	for (size_t i = 0; i < list.specs.count; i++) {
		struct perf_event_attr attr;
		plait_event_set_rate(&list.specs.data[i], 99, 0);
		plait_event_attributes(&list.specs.data[i], &attr);
		if (list.specs.data[i].leader != PLAIT_EVENT_ALONE && list.specs.data[i].leader > i)
			abort();
	}
	plait_error_free(error);
	plait_event_list_release(&list);
	free(text);
	return 0;
}
