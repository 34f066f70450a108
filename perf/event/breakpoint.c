#include "perf/event/breakpoint.h"

#include <errno.h>
#include <linux/hw_breakpoint.h>
#include <stdlib.h>
#include <string.h>

bool plait_breakpoint_is(const char *text)
{
	return strncmp(text, "mem:", 4) == 0;
}

static struct plait_error *wrong(const char *text)
{
	return plait_error_advise(
		plait_error_new(PLAIT_ERROR_USAGE, "'%.60s' is not a breakpoint", text),
		"breakpoints are mem:0xADDRESS[/LENGTH][:ACCESS] with LENGTH 1, 2, 4 or 8 and ACCESS r, "
		"w, rw or x, for example mem:0x7f0012345678/8:w");
}

/* The access after the colon; 0 for another word. The processor cannot watch reads alone (Intel SDM 3B, 18.2.4): the
 * kernel refuses HW_BREAKPOINT_R on x86-64, and says so at the opening. */
static uint32_t access_of(const char *word)
{
	static const struct {
		const char *word;
		uint32_t type;
	} accesses[] = { { "", HW_BREAKPOINT_RW },   { "r", HW_BREAKPOINT_R },	 { "w", HW_BREAKPOINT_W },
			 { "rw", HW_BREAKPOINT_RW }, { "wr", HW_BREAKPOINT_RW }, { "x", HW_BREAKPOINT_X } };
	for (size_t i = 0; i < sizeof(accesses) / sizeof(*accesses); i++)
		if (strcmp(accesses[i].word, word) == 0)
			return accesses[i].type;
	return 0;
}

struct plait_error *plait_breakpoint_parse(const char *text, struct plait_event_spec *spec)
{
	char *at;
	if (strncmp(text + 4, "0x", 2) != 0)
		return wrong(text);
	errno = 0;
	uint64_t address = strtoull(text + 4, &at, 16), length = 4; /* perf's default */
	if (errno || at == text + 6)
		return wrong(text);
	if (*at == '/') {
		const char *digits = at + 1;
		length = strtoull(digits, &at, 10);
		if (at == digits || (length != 1 && length != 2 && length != 4 && length != 8))
			return wrong(text);
	}
	if (*at && *at != ':')
		return wrong(text);
	uint32_t type = access_of(*at ? at + 1 : "");
	if (!type || (*at && !at[1]))
		return wrong(text);
	spec->type = PERF_TYPE_BREAKPOINT;
	spec->breakpoint = type;
	spec->breakpoint_address = address;
	spec->breakpoint_length = type == HW_BREAKPOINT_X ? sizeof(long) : length;
	return NULL;
}
