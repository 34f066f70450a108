#include "cli/record/session.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/record/live_line.h"
#include "cli/signals.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "perf/source/source.h"

enum {
	POLL_MS = 100,
	FLUSH_NS = 500000000,
	LIVE_NS = 200000000,
	COUNTING_SLOW_NS = 1000000,
};

struct session {
	const struct plait_session_options *options;
	struct plait_session_result *result;
	struct plait_engine_run *run;
	struct plait_recording_writer *writer;
	struct plait_pipeline *pipeline;
	struct plait_live_line live;
	int *pid_fds; /* of the attached processes */
	uint64_t started_ns, next_flush, next_live;
	bool counting_is_slow;
};

/* ---- what the recording is called ---- */

static bool needs_quotes(const char *word)
{
	return !*word || word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=:,+@%")];
}

/* One word as a shell would need it. */
static void print_word(FILE *file, const char *word)
{
	if (!needs_quotes(word)) {
		fputs(word, file);
		return;
	}
	fputc('\'', file);
	for (; *word; word++) {
		if (*word == '\'')
			fputs("'\\''", file);
		else
			fputc(*word == '\n' ? ' ' : *word, file);
	}
	fputc('\'', file);
}

/* "python3 job.py", "pid 42, 43" or "the whole machine"; free(3) it. NULL when memory ran out. */
static char *describe_target(const struct plait_session_options *options)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);
	if (!file)
		return NULL;
	for (char *const *word = options->argv; word && *word; word++) {
		if (word != options->argv)
			fputc(' ', file);
		print_word(file, *word);
	}
	for (size_t i = 0; i < options->pid_count; i++)
		fprintf(file, "%s%d", i ? ", " : "pid ", (int)options->pids[i]);
	if (options->system_wide)
		fputs("the whole machine", file);
	return fclose(file) == 0 ? text : NULL;
}

/* What each event is; of those that sample alone and everywhere the name says it all. */
static struct plait_error *write_traits(struct session *session)
{
	for (size_t i = 0; i < session->options->events.specs.count; i++) {
		const struct plait_event_spec *event = &session->options->events.specs.data[i];
		struct plait_record record = {
			.kind = PLAIT_RECORD_EVENT_TRAITS,
			.event_traits = {
				.event = (uint32_t)i,
				.leader = event->leader == PLAIT_EVENT_ALONE ? PLAIT_NONE : event->leader,
				.counting = event->counting,
				.precise = event->precise,
				.type = event->type,
				.config = event->config,
				.config1 = event->config1,
				.config2 = event->config2,
			},
		};
		PLAIT_TRY(plait_recording_writer_add(session->writer, &record, NULL));
	}
	return NULL;
}

/* What the events have counted so far. */
static struct plait_error *write_counts(struct session *session)
{
	for (uint32_t i = 0; i < session->options->events.specs.count; i++) {
		struct plait_source_count count;
		PLAIT_TRY(plait_source_count(&session->run->source, i, &count));
		struct plait_record record = {
			.kind = PLAIT_RECORD_COUNT,
			.count = { .event = i,
				   .value = count.value,
				   .enabled = count.enabled,
				   .running = count.running },
		};
		PLAIT_TRY(plait_recording_writer_add(session->writer, &record, NULL));
	}
	return NULL;
}

/* The same now and then, so that a recorder that is killed leaves them. Reading a counter interrupts the CPU that has
 * it: with very many it is left to the end. */
static struct plait_error *write_counts_meanwhile(struct session *session)
{
	if (session->counting_is_slow)
		return NULL;
	uint64_t begin = plait_clock_ns(CLOCK_MONOTONIC);
	PLAIT_TRY(write_counts(session));
	session->counting_is_slow = plait_clock_ns(CLOCK_MONOTONIC) - begin > COUNTING_SLOW_NS;
	return NULL;
}

static struct plait_error *write_events(struct session *session)
{
	for (size_t i = 0; i < session->options->events.specs.count; i++) {
		const struct plait_event_spec *event = &session->options->events.specs.data[i];
		struct plait_record record = {
			.kind = PLAIT_RECORD_EVENT,
			.event = {
				.name = event->name,
				.unit_ns = event->unit == PLAIT_EVENT_UNIT_NS,
				.frequency = event->frequency,
				.period = event->period,
				.note = session->options->event_note ? session->options->event_note : "",
			},
		};
		PLAIT_TRY(plait_recording_writer_add(session->writer, &record, NULL));
	}
	return write_traits(session);
}

static struct plait_error *create_writer(struct session *session)
{
	char *target PLAIT_FREE = describe_target(session->options);
	if (!target)
		return plait_error_no_memory();
	struct utsname host;
	uname(&host);
	session->started_ns = plait_clock_ns(CLOCK_MONOTONIC);
	struct plait_record_header header = {
		.command = target,
		.host = host.nodename,
		.kernel = host.release,
		.architecture = host.machine,
		.plait_version = PLAIT_VERSION,
		.engine = session->run->engine->name,
		.started_unix_ns = plait_clock_ns(CLOCK_REALTIME),
		.started_ns = session->started_ns,
		.cpu_count = (uint32_t)get_nprocs(),
	};
	PLAIT_TRY(plait_recording_writer_create(session->options->output, &header, &session->writer));
	PLAIT_TRY(write_events(session));
	return plait_recording_writer_flush(session->writer);
}

/* ---- opening ---- */

/* Reads every process there is now; those that end meanwhile or may not be read are left out. */
static struct plait_error *scan_machine(struct session *session)
{
	DIR *proc = opendir("/proc");
	if (!proc)
		return plait_error_system(errno, "cannot list /proc");
	for (struct dirent *entry; (entry = readdir(proc));) {
		char *end;
		long pid = strtol(entry->d_name, &end, 10);
		if (*end || pid <= 0 || pid == getpid())
			continue;
		plait_error_free(plait_pipeline_scan(session->pipeline, (uint32_t)pid));
	}
	closedir(proc);
	return NULL;
}

static struct plait_error *scan_targets(struct session *session)
{
	if (session->options->system_wide)
		return scan_machine(session);
	for (size_t i = 0; i < session->options->pid_count; i++)
		PLAIT_TRY(plait_pipeline_scan(session->pipeline, (uint32_t)session->options->pids[i]));
	if (session->result->launch.pid > 0)
		PLAIT_TRY(plait_pipeline_scan(session->pipeline, (uint32_t)session->result->launch.pid));
	return NULL;
}

/* Opens a descriptor for each attached process that becomes readable when it ends; without them (old kernel) the end
 * is noticed by kill(2). */
static struct plait_error *open_pid_fds(struct session *session)
{
	size_t count = session->options->pid_count;
	session->pid_fds = calloc(count + 1, sizeof(int));
	if (!session->pid_fds)
		return plait_error_no_memory();
	for (size_t i = 0; i < count; i++)
		session->pid_fds[i] = (int)syscall(SYS_pidfd_open, session->options->pids[i], 0);
	return NULL;
}

static struct plait_error *open_session(struct session *session)
{
	const struct plait_session_options *options = session->options;
	struct plait_engine_run *run = session->run;
	PLAIT_TRY(open_pid_fds(session));
	if (options->argv) {
		struct plait_error *error =
			plait_launch_start(options->argv, run->environment, &session->result->launch);
		session->result->cannot_run = error != NULL;
		PLAIT_TRY(error);
		run->launch = session->result->launch.pid;
	}
	PLAIT_TRY(create_writer(session));
	struct plait_pipeline_options pipeline = {
		.writer = session->writer,
		.walker = run->walker,
		.reads_mappings = !run->engine->tells_mappings,
		.started_ns = session->started_ns,
		.measure = getenv("PLAIT_MEASURE") != NULL,
		.bundle_sources = options->bundle_sources,
	};
	PLAIT_TRY(plait_pipeline_create(&pipeline, &session->pipeline));
	if (run->engine->watch)
		PLAIT_TRY(run->engine->watch(run));
	PLAIT_TRY(scan_targets(session));
	if (run->engine->open)
		PLAIT_TRY(run->engine->open(run));
	return options->argv ? NULL : scan_targets(session); /* what was mapped between the first look and now */
}

/* ---- running ---- */

static bool attached_live(const struct session *session)
{
	for (size_t i = 0; i < session->options->pid_count; i++) {
		struct pollfd poll_fd = { .fd = session->pid_fds[i], .events = POLLIN };
		bool ended = poll_fd.fd >= 0 ? poll(&poll_fd, 1, 0) > 0 : kill(session->options->pids[i], 0) != 0;
		if (!ended)
			return true;
	}
	return session->options->pid_count == 0;
}

static bool is_finished(struct session *session, uint64_t now)
{
	struct plait_session_result *result = session->result;
	if (plait_signals_stop_requested()) {
		result->interrupted = true;
		return true;
	}
	if (session->options->duration > 0 && (double)(now - session->started_ns) >= session->options->duration * 1e9)
		return true;
	if (session->options->argv)
		return plait_launch_reap(&result->launch, false);
	return !attached_live(session);
}

static void tell_notes(struct session *session)
{
	for (const char *note; (note = plait_pipeline_next_note(session->pipeline));) {
		plait_live_line_clear(&session->live);
		plait_say("%s", note);
	}
}

static struct plait_error *keep_house(struct session *session, uint64_t now)
{
	tell_notes(session);
	if (now >= session->next_flush) {
		session->next_flush = now + FLUSH_NS;
		PLAIT_TRY(write_counts_meanwhile(session));
		PLAIT_TRY(plait_recording_writer_flush(session->writer));
	}
	if (now >= session->next_live) {
		session->next_live = now + LIVE_NS;
		struct plait_pipeline_statistics statistics = plait_pipeline_statistics(session->pipeline);
		struct plait_live_figures figures = {
			.seconds = (double)(now - session->started_ns) / 1e9,
			.samples = statistics.samples,
			.lost = statistics.lost,
			.bytes = plait_recording_writer_size(session->writer),
		};
		plait_live_line_update(&session->live, &figures);
	}
	return NULL;
}

/* How long the next poll may wait, so that a duration ends on time. */
static int poll_timeout(const struct session *session, uint64_t now)
{
	if (session->options->duration <= 0)
		return POLL_MS;
	double left = session->options->duration * 1e3 - (double)(now - session->started_ns) / 1e6;
	return left < 1 ? 1 : left < POLL_MS ? (int)left + 1 : POLL_MS;
}

static struct plait_error *record_until_finished(struct session *session)
{
	uint64_t now = plait_clock_ns(CLOCK_MONOTONIC);
	while (!is_finished(session, now)) {
		PLAIT_TRY(plait_source_poll(&session->run->source, poll_timeout(session, now), plait_pipeline_handle,
					    session->pipeline));
		now = plait_clock_ns(CLOCK_MONOTONIC);
		PLAIT_TRY(keep_house(session, now));
	}
	return NULL;
}

/* ---- closing ---- */

/* What the engine has to say in the end, for the user and for the recording. */
static struct plait_error *note_conclusion(struct session *session)
{
	char text[400] = "";
	if (session->run->engine->conclude)
		session->run->engine->conclude(session->run, text, sizeof(text));
	if (!*text)
		return NULL;
	plait_live_line_clear(&session->live);
	plait_say("%s", text);
	struct plait_record record = { .kind = PLAIT_RECORD_NOTE, .note.text = text };
	return plait_recording_writer_add(session->writer, &record, NULL);
}

/* Takes what is left in the rings, names the frames, and ends the file. `failure` is what ended the recording before,
 * or NULL; the first error is returned. */
static struct plait_error *close_recording(struct session *session, struct plait_error *failure)
{
	if (session->run->source.ops && !failure) {
		failure = plait_source_stop(&session->run->source);
		if (!failure)
			failure =
				plait_source_poll(&session->run->source, -1, plait_pipeline_handle, session->pipeline);
	}
	if (session->run->source.ops && !failure)
		failure = write_counts(session);
	if (session->run->source.ops && !failure)
		failure = note_conclusion(session);
	uint64_t length = plait_clock_ns(CLOCK_MONOTONIC) - session->started_ns;
	session->result->seconds = (double)length / 1e9;
	if (session->pipeline && !failure)
		failure = plait_pipeline_bundle_symbols(session->pipeline);
	if (session->pipeline && !failure)
		failure = plait_pipeline_bundle_code(session->pipeline);
	if (session->pipeline) {
		tell_notes(session);
		session->result->statistics = plait_pipeline_statistics(session->pipeline);
	}
	plait_live_line_clear(&session->live);
	struct plait_error *error = NULL;
	if (session->writer && !failure) {
		error = plait_recording_writer_finish(session->writer, length);
		session->writer = NULL;
		session->result->written = !error;
	} else if (session->writer) {
		session->result->written = plait_recording_writer_size(session->writer) > 0;
		error = plait_recording_writer_flush(session->writer);
	}
	if (failure) {
		plait_error_free(error);
		return failure;
	}
	return error;
}

static void release_session(struct session *session)
{
	plait_source_destroy(&session->run->source); /* a command that lives on is left alone from here */
	plait_pipeline_destroy(session->pipeline);
	plait_recording_writer_abandon(session->writer);
	for (size_t i = 0; session->pid_fds && i < session->options->pid_count; i++) {
		if (session->pid_fds[i] >= 0)
			close(session->pid_fds[i]);
	}
	free(session->pid_fds);
	plait_engine_release(session->run);
}

/* Removes a recording that holds nothing because the command could not be started. */
static void remove_empty(struct session *session)
{
	plait_recording_writer_abandon(PLAIT_TAKE(session->writer));
	struct stat status;
	if (stat(session->options->output, &status) == 0 && S_ISREG(status.st_mode))
		unlink(session->options->output);
}

static struct plait_error *run_session(struct session *session)
{
	struct plait_session_result *result = session->result;
	plait_signals_install();
	struct plait_error *refusal = open_session(session);
	if (refusal) {
		if (session->writer)
			remove_empty(session);
		return refusal;
	}
	if (session->options->argv) {
		plait_signals_pass_to(result->launch.pid);
		struct plait_error *error = plait_launch_go(&result->launch, session->options->argv[0]);
		if (error) {
			remove_empty(session);
			result->cannot_run = true;
			return error;
		}
		result->ran = true;
	}
	struct plait_error *error = close_recording(session, record_until_finished(session));
	struct stat status;
	if (stat(session->options->output, &status) == 0)
		result->bytes = (uint64_t)status.st_size;
	return error;
}

struct plait_error *plait_session_run(const struct plait_session_options *options, struct plait_engine_run *run,
				      struct plait_session_result *ret)
{
	*ret = (struct plait_session_result) { .launch = { .go_fd = -1, .status_fd = -1 } };
	struct session session = {
		.options = options,
		.run = run,
		.result = ret,
		.live = { .enabled = !options->quiet && isatty(STDERR_FILENO) },
	};
	struct plait_error *error = run_session(&session);
	release_session(&session);
	if (!ret->ran)
		plait_launch_release(&ret->launch);
	return error;
}

void plait_session_wait_for_command(struct plait_session_result *result)
{
	while (!plait_launch_reap(&result->launch, true) && errno == EINTR && !plait_signals_stop_requested())
		;
}
