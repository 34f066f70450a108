/*
 * Event names and perf_event_attr.
 */
#ifndef PLAIT_PERF_EVENT_EVENT_H
#define PLAIT_PERF_EVENT_EVENT_H

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/vec.h"

enum plait_event_unit {
	PLAIT_EVENT_UNIT_COUNT, /* period counts occurrences */
	PLAIT_EVENT_UNIT_NS,	/* period is CPU time in ns */
};

/* Where an event comes from. */
enum plait_event_kind {
	PLAIT_EVENT_SOFTWARE,	/* counted by the kernel */
	PLAIT_EVENT_HARDWARE,	/* the kernel's generic hardware and cache events */
	PLAIT_EVENT_PMU,	/* a PMU's own code: rHEX, pmu/terms/, names of libpfm4 */
	PLAIT_EVENT_TRACEPOINT, /* sched:sched_switch */
	PLAIT_EVENT_PROBE,	/* uprobe:, uretprobe: */
	PLAIT_EVENT_BREAKPOINT, /* mem: */
};

enum { PLAIT_EVENT_NAME_SIZE = 256 };
#define PLAIT_EVENT_ALONE UINT32_MAX

/* One event. Plain data but for `probe_path`; a list owns that. */
struct plait_event_spec {
	char name[PLAIT_EVENT_NAME_SIZE]; /* as the user wrote it, modifiers included, rate not: "cycles:u" */
	enum plait_event_kind kind;
	enum plait_event_unit unit;
	uint32_t type; /* perf_event_attr.type */
	uint64_t config, config1, config2, config3;
	bool exclude_user, exclude_kernel, exclude_hypervisor;
	uint32_t breakpoint; /* PERF_TYPE_BREAKPOINT: HW_BREAKPOINT_*, address and length in bytes */
	uint64_t breakpoint_address, breakpoint_length;
	char *probe_path;      /* PROBE: the file; else NULL */
	uint64_t probe_offset; /* PROBE: into the file, bytes */
	bool probe_return;     /* PROBE: when the function returns */
	uint8_t precise;       /* 0 to 3 */
	bool has_rate;	       /* the name had a rate of its own: "cache-misses@10000" */
	uint64_t frequency;    /* samples a second of the event; 0: `period` is fixed */
	uint64_t period;       /* 0 with a frequency */
	uint32_t leader;       /* index of its group's leader in the list (its own when it leads); PLAIT_EVENT_ALONE */
	bool counting;	       /* member of a group with :S: takes no samples, is read with each of its leader's */
	double scale;	       /* PMU: what to multiply a count by to have `unit_name`; 0: nothing */
	char unit_name[16];    /* PMU: "Joules" ...; "": none */
};

/* The events of one recording, groups in one piece with the leader first. Zeroed is empty. */
struct plait_event_list {
	PLAIT_VEC(struct plait_event_spec) specs;
};

/* Parses what -e takes, and appends it: names with modifiers and rates, comma-separated, groups in braces. A list with
 * a wrong name is refused with the nearest right ones; `list` is unchanged then. docs/events.md has the grammar. */
struct plait_error *plait_event_list_parse(struct plait_event_list *list, const char *text);

/* The events of a predefined group ("ipc", "cache", "branch", "tlb", "topdown") as -e takes them; PLAIT_ERROR_USAGE
 * with the names there are, PLAIT_ERROR_UNSUPPORTED with the reason when this host cannot count them (each is opened on
 * this process to know). `*ret_text` is static. */
struct plait_error *plait_event_predefined(const char *name, const char **ret_text);

/* Makes ready for opening what has to be made in the kernel first (probes): type and config are final afterwards.
 * plait_event_list_release() takes it away again. */
struct plait_error *plait_event_list_prepare(struct plait_event_list *list);

/* Removes what was prepared, and frees; the list is empty afterwards. */
void plait_event_list_release(struct plait_event_list *list);

/* Parses one event: a generic name, rHEX, pmu/terms/, libpfm4's name, tracepoint, probe or breakpoint, with modifiers
 * and a rate. Unknown names are refused with the nearest known ones. frequency and period of `ret` are 0 unless it has
 * a rate of its own: see plait_event_set_rate(). probe_path of `ret` is the caller's to free(3). */
struct plait_error *plait_event_parse(const char *text, struct plait_event_spec *ret);

/* Gives `spec` the frequency or the period, unless it has a rate of its own or takes no samples. Both 0, no rate given:
 * every occurrence (period 1) of the events of which that is what a user expects (context switches, migrations,
 * faults), 999 a second of the others. */
void plait_event_set_rate(struct plait_event_spec *spec, uint64_t frequency, uint64_t period);

/* The best CPU-time event of this host: cycles where a PMU counts them and we may open them, else cpu-clock.
 * `*ret_reason` (static text) says why it is not cycles; NULL when it is. */
struct plait_error *plait_event_default(struct plait_event_spec *ret, const char **ret_reason);

/* Whether samples of the event carry a data address. */
bool plait_event_has_address(const struct plait_event_spec *spec);

/* Sets `attr` to the event, its rate and what it excludes; all else is 0: not inherited, enabled at once. */
void plait_event_attributes(const struct plait_event_spec *spec, struct perf_event_attr *attr);

/* perf_event_open(2) with `attr`. On failure the error names the event and explains the refusal: paranoid level,
 * missing capability, no PMU, no such process, too many descriptors. Where the descriptors run out, the soft limit is
 * raised to the hard one first. The descriptor is closed on exec. */
struct plait_error *plait_event_open(const struct plait_event_spec *spec, struct perf_event_attr *attr, int pid,
				     int cpu, int group_fd, int *ret_fd);

#endif
