/* What works when it is tried: the engine on a child of its own, events, symbols. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/doctor/finding.h"
#include "cli/input.h"
#include "cli/record/session.h"
#include "cli/signals.h"
#include "common/cleanup.h"
#include "perf/event/event.h"
#include "symbolize/symbolizer.h"

/* ---- engines ---- */

/* Records a shell that counts, into `output`. */
static struct plait_error *record_child(const char *engine, const char *output, struct plait_session_result *ret)
{
	char *argv[] = { "sh", "-c", "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done", NULL };
	struct plait_session_options options = {
		.output = output, .argv = argv, .quiet = true, .event_is_default = true, .max_slowdown = 0.5
	};
	struct plait_event_spec event;
	PLAIT_TRY(plait_event_default(&event, &options.event_note));
	plait_event_set_rate(&event, 0, 0);
	if (!plait_vec_push(&options.events.specs, event))
		return plait_error_no_memory();
	struct plait_engine_run run;
	struct plait_error *error = plait_engine_choose(engine, &options, &run);
	if (error) {
		plait_engine_release(&run);
	} else {
		error = plait_session_run(&options, &run, ret);
		if (ret->ran && !ret->launch.ended)
			plait_session_wait_for_command(ret);
		plait_signals_restore();
	}
	plait_event_list_release(&options.events);
	return error;
}

static struct plait_error *judge(struct plait_findings *findings, const char *engine, const char *output)
{
	struct plait_profile *profile;
	struct plait_error *damage = NULL;
	struct plait_error *error = plait_input_read(output, NULL, &profile, &damage);
	if (error)
		return plait_findings_fail(findings, "engine", engine, error) ? NULL : plait_error_no_memory();
	plait_error_free(damage);
	const struct plait_trust *trust = &profile->trust;
	const char *event = profile->events.count ? profile->events.data[0].record.name : "?";
	bool added;
	if (!trust->samples)
		added = plait_findings_add(findings, "engine", engine, PLAIT_FINDING_FAILS,
					   "a child was recorded, and not one sample came",
					   "plait record -e task-clock -- COMMAND tries another clock");
	else if (trust->complete * 2 > trust->samples)
		added = plait_findings_tell(findings, "engine", engine, PLAIT_FINDING_WORKS,
					    "%llu samples (%s) of a child, %.1f %% of the stacks complete",
					    (unsigned long long)trust->samples, event,
					    100.0 * (double)trust->complete / (double)trust->samples);
	else
		added = plait_findings_tell(
			findings, "engine", engine, PLAIT_FINDING_LIMITED,
			"%llu samples (%s) of a child (sh), of which %llu have gaps and %llu are cut: "
			"this sh may have no unwind tables",
			(unsigned long long)trust->samples, event, (unsigned long long)trust->gap,
			(unsigned long long)trust->truncated);
	plait_profile_destroy(profile);
	return added ? NULL : plait_error_no_memory();
}

static struct plait_error *try_engine(struct plait_findings *findings, const char *engine, const char *output)
{
	struct plait_session_result result = { 0 };
	struct plait_error *error = record_child(engine, output, &result);
	if (error)
		error = plait_findings_fail(findings, "engine", engine, error) ? NULL : plait_error_no_memory();
	else
		error = judge(findings, engine, output);
	unlink(output);
	return error;
}

struct plait_error *plait_doctor_engines(struct plait_findings *findings)
{
	const char *folder = getenv("TMPDIR");
	char name[PATH_MAX], output[PATH_MAX + 16];
	snprintf(name, sizeof(name), "%s/plait-doctor-XXXXXX", folder && *folder ? folder : "/tmp");
	if (!mkdtemp(name))
		return plait_findings_tell(findings, "engine", "all", PLAIT_FINDING_FAILS,
					   "not tried: no folder can be made for it in %s", folder ? folder : "/tmp")
			       ? NULL
			       : plait_error_no_memory();
	snprintf(output, sizeof(output), "%s/child.plait", name);
	struct plait_error *error = NULL;
	for (const struct plait_engine *const *engine = plait_engines(); *engine && !error; engine++)
		error = try_engine(findings, (*engine)->name, output);
	rmdir(name);
	return error;
}

/* ---- events ---- */

/* Opens `text` on this process. */
static struct plait_error *try_event(const char *text)
{
	struct plait_event_list list = { 0 };
	struct plait_error *error = plait_event_list_parse(&list, text);
	if (!error) {
		plait_event_set_rate(&list.specs.data[0], 0, 0);
		error = plait_event_list_prepare(&list);
	}
	if (!error) {
		struct perf_event_attr attr;
		int fd PLAIT_CLOSE = -1;
		plait_event_attributes(&list.specs.data[0], &attr);
		attr.disabled = 1;
		error = plait_event_open(&list.specs.data[0], &attr, 0, -1, -1, &fd);
	}
	plait_event_list_release(&list);
	return error;
}

struct plait_error *plait_doctor_events(struct plait_findings *findings)
{
	static int watched;
	char breakpoint[64], probe[PATH_MAX + 32] = "", path[PATH_MAX];
	ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 1);
	snprintf(breakpoint, sizeof(breakpoint), "mem:%p/4:w", (void *)&watched);
	if (size > 0)
		snprintf(probe, sizeof(probe), "uprobe:%.*s:main", (int)size, path);
	const struct {
		const char *name, *event;
	} trials[] = {
		{ "cpu-clock", "cpu-clock" },
		{ "cycles", "cycles" },
		{ "instructions", "instructions" },
		{ "cache-misses", "cache-misses" },
		{ "cycles:pp", "cycles:pp" },
		{ "page-faults", "page-faults" },
		{ "context-switches", "context-switches" },
		{ "sched:sched_switch", "sched:sched_switch" },
		{ "uprobe", probe },
		{ "mem (breakpoint)", breakpoint },
	};
	for (size_t i = 0; i < sizeof(trials) / sizeof(trials[0]); i++) {
		struct plait_error *error = try_event(trials[i].event);
		bool added = error ? plait_findings_fail(findings, "event", trials[i].name, error)
				   : plait_findings_add(findings, "event", trials[i].name, PLAIT_FINDING_WORKS,
							"opened on this process", NULL);
		if (!added)
			return plait_error_no_memory();
	}
	return NULL;
}

/* ---- symbols ---- */

struct plait_error *plait_doctor_symbols(struct plait_findings *findings)
{
	struct plait_symbolizer *symbolizer;
	PLAIT_TRY(plait_symbolizer_create(NULL, &symbolizer));
	const char *reason = plait_symbolizer_kernel_reason(symbolizer);
	bool added =
		plait_findings_add(findings, "symbols", "kernel", reason ? PLAIT_FINDING_LIMITED : PLAIT_FINDING_WORKS,
				   reason ? reason : "/proc/kallsyms names the kernel's functions", NULL);
	plait_symbolizer_destroy(symbolizer);
	bool debug = access("/usr/lib/debug/.build-id", R_OK) == 0;
	added = added &&
		plait_findings_add(findings, "symbols", "debug files", PLAIT_FINDING_FACT,
				   debug ? "/usr/lib/debug/.build-id is there"
					 : "none in /usr/lib/debug: stripped libraries have the names they export",
				   debug ? NULL : "Debian: the -dbgsym packages, for example libc6-dbg python3-dbg");
	return added ? NULL : plait_error_no_memory();
}
