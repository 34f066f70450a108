/* links: plait_perf plait_common PkgConfig::BPF */
/* The source against the running kernel, with a small BPF program in place of the sampler: it counts its runs and
 * writes a HEAD in front of each sample. What the host does not allow is skipped, and says so. */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/map.h"
#include "perf/event/event.h"
#include "perf/source/arch.h"
#include "perf/source/open.h"
#include "perf/source/source.h"

/* ---- the BPF program ---- */

#define INSN(c, d, s, o, i) ((struct bpf_insn) { .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })
#define LOAD_MAP(reg, fd) INSN(BPF_LD | BPF_DW | BPF_IMM, reg, BPF_PSEUDO_MAP_FD, 0, fd), INSN(0, 0, 0, 0, 0)
#define CALL(helper) INSN(BPF_JMP | BPF_CALL, 0, 0, 0, helper)

enum { RECORD_SIZE = sizeof(struct plait_wire_header) + sizeof(struct plait_wire_head) };
_Static_assert(RECORD_SIZE % 8 == 0, "zeroed in steps of 8");

struct program {
	int fd, counter_fd, output_fd;
};

static size_t emit_record(struct bpf_insn *code)
{
	size_t n = 0;
	for (int at = 0; at < RECORD_SIZE; at += 8)
		code[n++] = INSN(BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, (short)(at - RECORD_SIZE), 0);
	code[n++] = INSN(BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, -RECORD_SIZE, PLAIT_WIRE_HEAD);
	code[n++] = INSN(BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, 4 - RECORD_SIZE, sizeof(struct plait_wire_head));
	/* the run's number, left in r7, is the sequence */
	code[n++] = INSN(BPF_STX | BPF_MEM | BPF_DW, BPF_REG_10, BPF_REG_7, 8 - RECORD_SIZE, 0);
	const short pid = (short)offsetof(struct plait_wire_header, pid) - RECORD_SIZE,
		    tid = (short)offsetof(struct plait_wire_header, tid) - RECORD_SIZE,
		    time = (short)offsetof(struct plait_wire_header, time) - RECORD_SIZE;
	code[n++] = CALL(BPF_FUNC_get_current_pid_tgid);
	code[n++] = INSN(BPF_STX | BPF_MEM | BPF_W, BPF_REG_10, BPF_REG_0, tid, 0);
	code[n++] = INSN(BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_0, 0, 0, 32);
	code[n++] = INSN(BPF_STX | BPF_MEM | BPF_W, BPF_REG_10, BPF_REG_0, pid, 0);
	code[n++] = CALL(BPF_FUNC_ktime_get_ns);
	code[n++] = INSN(BPF_STX | BPF_MEM | BPF_DW, BPF_REG_10, BPF_REG_0, time, 0);
	short walk = sizeof(struct plait_wire_header) + offsetof(struct plait_wire_head, walk);
	code[n++] = INSN(BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, (short)(walk - RECORD_SIZE), PLAIT_WALK_COMPLETE);
	return n;
}

/* NULL, or why the host does not allow it. */
static const char *load(struct program *program, bool with_record)
{
	program->counter_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "runs", 4, 8, 1, NULL);
	program->output_fd = bpf_map_create(BPF_MAP_TYPE_PERF_EVENT_ARRAY, "out", 4, 4,
					    (unsigned)sysconf(_SC_NPROCESSORS_CONF), NULL);
	if (program->counter_fd < 0 || program->output_fd < 0)
		return "BPF maps are refused (needs root, or CAP_BPF and CAP_PERFMON)";
	struct bpf_insn code[64];
	size_t n = 0;
	code[n++] = INSN(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_6, BPF_REG_1, 0, 0);
	code[n++] = INSN(BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, -4, 0);
	code[n++] = INSN(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_2, BPF_REG_10, 0, 0);
	code[n++] = INSN(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, -4);
	struct bpf_insn counter[] = { LOAD_MAP(BPF_REG_1, program->counter_fd) };
	memcpy(&code[n], counter, sizeof(counter));
	n += 2;
	code[n++] = CALL(BPF_FUNC_map_lookup_elem);
	code[n++] = INSN(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_0, 0, 2, 0);
	code[n++] = INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 1);
	code[n++] = INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	code[n++] = INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_1, 0, 0, 1);
	code[n++] = INSN(BPF_STX | BPF_ATOMIC | BPF_DW, BPF_REG_0, BPF_REG_1, 0, BPF_ADD);
	code[n++] = INSN(BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_7, BPF_REG_0, 0, 0);
	if (with_record) {
		n += emit_record(&code[n]);
		struct bpf_insn output[] = { INSN(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_1, BPF_REG_6, 0, 0),
					     LOAD_MAP(BPF_REG_2, program->output_fd),
					     INSN(BPF_ALU | BPF_MOV | BPF_K, BPF_REG_3, 0, 0, -1),
					     INSN(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_4, BPF_REG_10, 0, 0),
					     INSN(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_4, 0, 0, -RECORD_SIZE),
					     INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_5, 0, 0, RECORD_SIZE),
					     CALL(BPF_FUNC_perf_event_output) };
		memcpy(&code[n], output, sizeof(output));
		n += sizeof(output) / sizeof(output[0]);
	}
	code[n++] = INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 1);
	code[n++] = INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	char log[8192] = "";
	LIBBPF_OPTS(bpf_prog_load_opts, options, .log_buf = log, .log_size = sizeof(log), .log_level = 1);
	program->fd = bpf_prog_load(BPF_PROG_TYPE_PERF_EVENT, "test", "GPL", code, n, &options);
	if (program->fd < 0 && log[0])
		fprintf(stderr, "%s\n", log);
	return program->fd < 0 ? "a BPF program is refused" : NULL;
}

static struct plait_error *count_runs(void *context, struct plait_source_runs *ret)
{
	const struct program *program = context;
	uint32_t key = 0;
	*ret = (struct plait_source_runs) { 0 };
	assert_int_equal(bpf_map_lookup_elem(program->counter_fd, &key, &ret->sampled), 0);
	return NULL;
}

/* ---- what the tests look at ---- */

struct seen {
	uint64_t reads[3], with_reads; /* sums by event */
	uint64_t samples, paired, lost, faults_in_range;
	uint64_t forks, exits, maps, execs, before_exec, names;
	uint64_t cpu_ns;
	uint64_t latest;
	uint64_t slowest; /* most ns between a side-band record and its delivery */
	bool out_of_order, bad_registers;
	uint64_t range_start, range_end;
	struct plait_map tids, faults;
};

static uint64_t now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void see_sample(struct seen *seen, const struct plait_sample *sample)
{
	seen->samples++;
	seen->paired += sample->python.status == PLAIT_WALK_COMPLETE;
	seen->cpu_ns += sample->period;
	const uint64_t pair = UINT64_C(1) << plait_source_arch.dwarf_sp | UINT64_C(1) << plait_source_arch.dwarf_pc;
	seen->bad_registers |= (sample->registers.valid & pair) != pair;
	seen->before_exec += seen->execs == 0;
	if (sample->address >= seen->range_start && sample->address < seen->range_end) {
		seen->faults_in_range++;
		plait_map_put(&seen->faults, sample->address & ~UINT64_C(4095), 1);
	}
	seen->with_reads += sample->read_count > 0;
	for (size_t i = 0; i < sample->read_count; i++)
		seen->reads[sample->reads[i].event] += sample->reads[i].value;
	uint64_t *count = plait_map_get(&seen->tids, sample->tid);
	plait_map_put(&seen->tids, sample->tid, count ? *count + 1 : 1);
}

static struct plait_error *see(void *context, const struct plait_source_event *event)
{
	struct seen *seen = context;
	seen->out_of_order |= event->time < seen->latest;
	seen->latest = event->time;
	if (event->kind == PLAIT_SOURCE_MAP || event->kind == PLAIT_SOURCE_EXEC) {
		uint64_t delay = now() - event->time;
		seen->slowest = delay > seen->slowest ? delay : seen->slowest;
	}
	switch (event->kind) {
	case PLAIT_SOURCE_SAMPLE:
		see_sample(seen, &event->sample);
		break;
	case PLAIT_SOURCE_MAP:
		seen->maps++;
		break;
	case PLAIT_SOURCE_FORK:
		seen->forks++;
		break;
	case PLAIT_SOURCE_EXEC:
		seen->execs++;
		break;
	case PLAIT_SOURCE_NAME:
		seen->names++;
		break;
	case PLAIT_SOURCE_EXIT:
		seen->exits++;
		break;
	case PLAIT_SOURCE_LOST:
		seen->lost += event->count;
		break;
	default:
		break;
	}
	return NULL;
}

static void seen_release(struct seen *seen)
{
	plait_map_release(&seen->tids);
	plait_map_release(&seen->faults);
}

/* ---- what is profiled ---- */

/* How many times slower than usual this host is, an emulated processor for one: what is profiled runs so much longer.
 */
static unsigned slowness(void)
{
	const char *text = getenv("PLAIT_TEST_SLOWNESS");
	int value = text ? atoi(text) : 1;
	return value > 1 ? (unsigned)value : 1;
}

static uint64_t cpu_time(clockid_t clock)
{
	struct timespec time;
	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void *spin(void *milliseconds)
{
	uint64_t end = cpu_time(CLOCK_THREAD_CPUTIME_ID) + (uintptr_t)milliseconds * 1000000;
	while (cpu_time(CLOCK_THREAD_CPUTIME_ID) < end)
		for (volatile int i = 0; i < 1000; i++)
			;
	return NULL;
}

/* Runs `threads` threads beside the main one and a forked child, each for `milliseconds` of CPU time. */
static void work(unsigned threads, unsigned milliseconds, bool with_child)
{
	pthread_t thread[64];
	milliseconds *= slowness();
	for (unsigned i = 0; i < threads; i++)
		pthread_create(&thread[i], NULL, spin, (void *)(uintptr_t)milliseconds);
	pid_t child = with_child ? fork() : -1;
	spin((void *)(uintptr_t)milliseconds);
	if (child == 0)
		_exit(0);
	for (unsigned i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	if (child > 0)
		waitpid(child, NULL, 0);
}

struct child {
	pid_t pid;
	int go; /* write one byte to start it */
};

static char self[4096];

/* A child that waits for a byte, then does `body`; or, if that is NULL, burns CPU time and execs this program. */
static struct child child_start(void (*body)(void))
{
	int pipes[2];
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	struct child child = { .go = pipes[1] };
	child.pid = fork();
	if (child.pid == 0) {
		char byte;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (read(pipes[0], &byte, 1) != 1)
			_exit(9);
		if (body) {
			body();
			_exit(0);
		}
		spin((void *)100); /* before exec: not to be seen */
		execl(self, self, "work", NULL);
		_exit(8);
	}
	close(pipes[0]);
	return child;
}

/* A test that has failed must not leave a child that waits for ever. */
static void child_go(struct child *child)
{
	assert_int_equal(write(child->go, "g", 1), 1);
	close(child->go);
}

/* Until the child has so many threads. */
static void wait_for_threads(pid_t pid, unsigned count)
{
	char path[64];
	struct stat tasks = { 0 };
	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	while (stat(path, &tasks) == 0 && tasks.st_nlink < 2 + count)
		usleep(1000);
}

/* Polls until the child has ended, stops, and drains. */
static uint64_t follow(struct plait_source *source, struct child *child, struct seen *seen)
{
	int status;
	struct rusage usage;
	while (wait4(child->pid, &status, WNOHANG, &usage) == 0)
		assert_null(plait_source_poll(source, 20, see, seen));
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_null(plait_source_stop(source));
	assert_null(plait_source_poll(source, -1, see, seen));
	return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000 +
	       (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
}

static struct program program;
static const char *refused;

static struct plait_source_options options_for(struct plait_event_spec *spec, const char *name, uint64_t period)
{
	if (refused) {
		print_message("skipped: %s\n", refused);
		skip();
	}
	assert_null(plait_event_parse(name, spec));
	plait_event_set_rate(spec, 0, period);
	return (struct plait_source_options) { .events = spec,
					       .event_count = 1,
					       .program = { .program_fd = program.fd,
							    .output_map_fd = program.output_fd,
							    .count = count_runs,
							    .context = &program } };
}

static void open_or_fail(const struct plait_source_options *options, struct plait_source *source)
{
	struct plait_error *error = plait_source_bpf_open(options, source);
	if (error)
		fail_msg("%s (%s)", error->message, error->advice ? error->advice : "");
}

/* Samples of a clock stand for the CPU time that the kernel has counted by it. An emulated processor that has to wait
 * for its host loses interrupts of timers: there it is less, never more. */
static void expect_sampled(const struct seen *seen, uint64_t counted)
{
	uint64_t least = slowness() > 1 ? counted / 10 : counted - counted / 10;
	if (seen->cpu_ns < least || seen->cpu_ns > counted + counted / 10)
		fail_msg("samples stand for %llu ns of %llu", (unsigned long long)seen->cpu_ns,
			 (unsigned long long)counted);
}

static void expect_near(uint64_t value, uint64_t wanted, double tolerance)
{
	if ((double)value < (double)wanted * (1 - tolerance) || (double)value > (double)wanted * (1 + tolerance))
		fail_msg("%llu is not within %.0f %% of %llu", (unsigned long long)value, tolerance * 100,
			 (unsigned long long)wanted);
}

/* ---- tests ---- */

static void test_launch(void **state)
{
	(void)state;
	struct plait_event_spec spec;
	struct plait_source_options options = options_for(&spec, "cpu-clock", 1000000);
	struct child child = child_start(NULL);
	options.launch = child.pid;
	struct plait_source source;
	open_or_fail(&options, &source);
	struct seen seen = { 0 };
	child_go(&child);
	uint64_t used = follow(&source, &child, &seen);
	struct plait_source_count clock;
	assert_null(plait_source_count(&source, 0, &clock));
	/* exec'd: 3 threads and a forked child, 300 ms each; wait4() counts the 100 ms before the exec as well */
	print_message("%llu samples, %.0f ms of CPU sampled, %.0f ms counted, %.0f ms used, side-band delivered within "
		      "%.2f ms\n",
		      (unsigned long long)seen.samples, (double)seen.cpu_ns / 1e6, (double)clock.value / 1e6,
		      (double)used / 1e6, (double)seen.slowest / 1e6);
	expect_near(clock.value, used - 100000000, 0.1);
	expect_sampled(&seen, clock.value);
	assert_int_equal(seen.before_exec, 0);
	assert_int_equal(seen.execs, 1);
	assert_int_equal(seen.forks, 3);
	assert_int_equal(seen.exits, 4);
	assert_true(seen.maps >= 4); /* program, libc, loader, vdso */
	assert_int_equal(seen.tids.count, 4);
	assert_int_equal(seen.paired, seen.samples);
	assert_int_equal(seen.lost, 0);
	assert_false(seen.out_of_order);
	assert_false(seen.bad_registers);
	struct plait_source_statistics statistics;
	plait_source_bpf_statistics(&source, &statistics);
	assert_int_equal(statistics.unpaired_samples + statistics.unpaired_runs, 0);
	assert_int_equal(statistics.bad_records + statistics.lost_side_band, 0);
	plait_source_destroy(&source);
	seen_release(&seen);
}

static void attached_work(void)
{
	work(3, 300, false);
}

/* The child's threads run already when the source is opened. */
static void test_attach(void **state)
{
	(void)state;
	struct plait_event_spec spec;
	struct plait_source_options options = options_for(&spec, "task-clock", 1000000);
	struct child child = child_start(attached_work);
	child_go(&child);
	wait_for_threads(child.pid, 4);
	options.pids = &child.pid;
	options.pid_count = 1;
	struct plait_source source;
	open_or_fail(&options, &source);
	struct seen seen = { 0 };
	follow(&source, &child, &seen);
	assert_int_equal(seen.tids.count, 4);
	assert_int_equal(seen.paired, seen.samples);
	assert_int_equal(seen.forks, 0);
	assert_true(seen.samples > 400); /* all of what was left when the source was open: on a busy host, less */
	assert_true(seen.samples <= 1230 * slowness());
	assert_false(seen.out_of_order);
	plait_source_destroy(&source);
	seen_release(&seen);
}

enum { CHURN_THREADS = 300, CHURN_PAGES = 8 };
static uint8_t *churn_pages;   /* CHURN_PAGES for each thread */
static volatile int *churn_go; /* shared with the child: the source is open */

static void *wait_and_touch(void *number)
{
	while (!*churn_go)
		usleep(1000);
	for (size_t i = 0; i < CHURN_PAGES; i++)
		churn_pages[((uintptr_t)number * CHURN_PAGES + i) * 4096] = 1;
	return NULL;
}

/* The main thread starts a thread every one or two milliseconds. */
static void churn(void)
{
	pthread_t threads[CHURN_THREADS];
	for (uintptr_t i = 0; i < CHURN_THREADS; i++) {
		pthread_create(&threads[i], NULL, wait_and_touch, (void *)i);
		usleep(1000);
	}
	for (int i = 0; i < CHURN_THREADS; i++)
		pthread_join(threads[i], NULL);
}

/* Threads that start while the source is being opened inherit their events, or are found. Each page is touched once,
 * when the source is open: it is sampled once. Only a thread that starts in the very microseconds in which an event is
 * opened on the one that starts it may have this event twice or not at all. */
static void test_attach_while_threads_start(void **state)
{
	(void)state;
	struct plait_event_spec spec;
	struct plait_source_options options = options_for(&spec, "page-faults", 1);
	const size_t size = CHURN_THREADS * CHURN_PAGES * 4096;
	churn_pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	madvise(churn_pages, size, MADV_NOHUGEPAGE);
	churn_go = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct child child = child_start(churn);
	child_go(&child);
	wait_for_threads(child.pid, CHURN_THREADS / 6);
	options.pids = &child.pid;
	options.pid_count = 1;
	struct plait_source source;
	open_or_fail(&options, &source);
	*churn_go = 1;
	struct seen seen = { .range_start = (uintptr_t)churn_pages, .range_end = (uintptr_t)churn_pages + size };
	follow(&source, &child, &seen);
	uint64_t samples = seen.faults_in_range, pages = seen.faults.count, later = seen.forks;
	print_message("%llu samples of %llu pages, %d touched; %llu threads started after attaching began\n",
		      (unsigned long long)samples, (unsigned long long)pages, CHURN_THREADS * CHURN_PAGES,
		      (unsigned long long)later);
	plait_source_destroy(&source);
	seen_release(&seen);
	munmap(churn_pages, size);
	munmap((void *)(uintptr_t)churn_go, 4096);
	assert_true(samples - pages <= 2 * CHURN_PAGES);
	assert_true(pages >= (CHURN_THREADS - 2) * CHURN_PAGES);
	assert_true(later > 0 && later < CHURN_THREADS);
}

enum { FAULT_PAGES = 1000 };
static uint8_t *fault_range;

static void fault_work(void)
{
	for (size_t i = 0; i < FAULT_PAGES; i++)
		fault_range[i * 4096] = 1;
}

/* Each page is touched for the first time exactly once: as many samples, and each address. */
static void test_page_faults(void **state)
{
	(void)state;
	struct plait_event_spec spec;
	struct plait_source_options options = options_for(&spec, "page-faults", 1);
	fault_range = mmap(NULL, FAULT_PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	madvise(fault_range, FAULT_PAGES * 4096, MADV_NOHUGEPAGE);
	struct child child = child_start(fault_work);
	options.pids = &child.pid;
	options.pid_count = 1;
	struct plait_source source;
	open_or_fail(&options, &source);
	struct seen seen = { .range_start = (uintptr_t)fault_range,
			     .range_end = (uintptr_t)fault_range + FAULT_PAGES * 4096 };
	child_go(&child);
	follow(&source, &child, &seen);
	assert_int_equal(seen.faults_in_range, FAULT_PAGES);
	assert_int_equal(seen.faults.count, FAULT_PAGES);
	assert_int_equal(seen.paired, seen.samples);
	assert_int_equal(seen.lost, 0);
	munmap(fault_range, FAULT_PAGES * 4096);
	plait_source_destroy(&source);
	seen_release(&seen);
}

/* Nobody reads the small ring until the child has ended: samples are lost, and their number is exact. */
static void test_lost(void **state)
{
	(void)state;
	struct plait_event_spec spec;
	struct plait_source_options options = options_for(&spec, "page-faults", 1);
	fault_range = mmap(NULL, FAULT_PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	madvise(fault_range, FAULT_PAGES * 4096, MADV_NOHUGEPAGE);
	struct child child = child_start(fault_work);
	options.pids = &child.pid;
	options.pid_count = 1;
	options.ring_pages = 4;
	struct plait_source source;
	struct plait_source_runs before, after;
	count_runs(&program, &before); /* the child may still be on its way to where it waits, which has faults, too */
	open_or_fail(&options, &source);
	struct seen seen = { .range_start = (uintptr_t)fault_range,
			     .range_end = (uintptr_t)fault_range + FAULT_PAGES * 4096 };
	child_go(&child);
	waitpid(child.pid, NULL, 0);
	assert_null(plait_source_stop(&source));
	assert_null(plait_source_poll(&source, -1, see, &seen));
	count_runs(&program, &after);
	assert_true(seen.lost > FAULT_PAGES / 2);
	assert_true(seen.samples > 10);
	assert_int_equal(seen.lost + seen.samples, after.sampled - before.sampled);
	assert_null(plait_source_poll(&source, -1, see, &seen)); /* nothing is reported twice */
	assert_int_equal(seen.lost + seen.samples, after.sampled - before.sampled);
	munmap(fault_range, FAULT_PAGES * 4096);
	plait_source_destroy(&source);
	seen_release(&seen);
}

/* Until the source is open no thread may end: on an emulated Linux 5.10 that is a second. */
static void fork_and_work(void)
{
	work(8, slowness() > 1 ? 200 : 60, true);
}

/* In a process that may open few files, the source turns to events of whole CPUs, and its side-band still tells only of
 * the process that is followed. */
static void follow_wide(void)
{
	struct plait_event_spec spec;
	struct plait_source_options options = options_for(&spec, "cpu-clock", 1000000);
	struct child child = child_start(fork_and_work);
	struct child stranger = child_start(fork_and_work);
	child_go(&child);
	wait_for_threads(child.pid, 9);
	options.pids = &child.pid;
	options.pid_count = 1;
	struct plait_source source;
	struct rlimit few = { 60, 60 };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	struct plait_error *error = plait_source_bpf_open(&options, &source);
	assert_non_null(error); /* the program does not filter */
	assert_int_equal(error->code, PLAIT_ERROR_UNSUPPORTED);
	plait_error_free(error);
	options.filtered = true;
	open_or_fail(&options, &source);
	struct seen seen = { 0 };
	child_go(&stranger);
	follow(&source, &child, &seen);
	kill(stranger.pid, SIGKILL);
	waitpid(stranger.pid, NULL, 0);
	if (seen.exits < 9 || seen.exits > 10)
		fail_msg("%llu exits, %llu forks, %llu samples", (unsigned long long)seen.exits,
			 (unsigned long long)seen.forks, (unsigned long long)seen.samples);
	assert_true(seen.samples > 300);
	assert_false(seen.out_of_order);
	plait_source_destroy(&source);
	seen_release(&seen);
}

static void test_wide(void **state)
{
	(void)state;
	if (refused) {
		print_message("skipped: %s\n", refused);
		skip();
	}
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2 || sysconf(_SC_NPROCESSORS_ONLN) > 6) {
		print_message("skipped: the limits of this test are made for 2 to 6 CPUs\n");
		skip();
	}
	pid_t pid = fork(); /* the limit cannot be raised again */
	if (pid == 0) {
		follow_wide();
		_exit(0);
	}
	int status;
	waitpid(pid, &status, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_system_wide(void **state)
{
	(void)state;
	struct plait_event_spec spec;
	struct plait_source_options options = options_for(&spec, "cpu-clock", 1000000);
	options.system_wide = true;
	struct child child = child_start(attached_work);
	struct plait_source source;
	open_or_fail(&options, &source);
	struct seen seen = { 0 };
	child_go(&child);
	follow(&source, &child, &seen);
	assert_non_null(plait_map_get(&seen.tids, (uint64_t)child.pid));
	assert_null(plait_map_get(&seen.tids, 0)); /* idle CPUs are no news */
	assert_true(seen.forks >= 3);
	plait_source_destroy(&source);
	seen_release(&seen);
}

static void test_no_process(void **state)
{
	(void)state;
	struct plait_event_spec spec;
	struct plait_source_options options = options_for(&spec, "cpu-clock", 1000000);
	struct child child = child_start(attached_work);
	kill(child.pid, SIGKILL);
	waitpid(child.pid, NULL, 0);
	close(child.go);
	options.pids = &child.pid;
	options.pid_count = 1;
	struct plait_source source = { 0 };
	struct plait_error *error = plait_source_bpf_open(&options, &source);
	assert_non_null(error);
	assert_int_equal(error->code, PLAIT_ERROR_NOT_FOUND);
	plait_error_free(error);
	plait_source_destroy(&source);
}

static void test_two_events(void **state)
{
	(void)state;
	struct plait_event_spec spec;
	struct plait_source_options options = options_for(&spec, "cpu-clock", 500000);
	struct plait_event_spec specs[2] = { spec };
	assert_null(plait_event_parse("page-faults", &specs[1]));
	plait_event_set_rate(&specs[1], 0, 1);
	options.events = specs;
	options.event_count = 2;
	fault_range = mmap(NULL, FAULT_PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	madvise(fault_range, FAULT_PAGES * 4096, MADV_NOHUGEPAGE);
	struct child child = child_start(fault_work);
	options.pids = &child.pid;
	options.pid_count = 1;
	struct plait_source source;
	open_or_fail(&options, &source);
	struct seen seen = { .range_start = (uintptr_t)fault_range,
			     .range_end = (uintptr_t)fault_range + FAULT_PAGES * 4096 };
	child_go(&child);
	follow(&source, &child, &seen);
	assert_int_equal(seen.faults_in_range, FAULT_PAGES);
	assert_int_equal(seen.paired, seen.samples);
	assert_int_equal(seen.lost, 0);
	munmap(fault_range, FAULT_PAGES * 4096);
	plait_source_destroy(&source);
	seen_release(&seen);
}

/* Faults between bursts of CPU time, on the main thread and on others. */
static void *fault_and_spin(void *arg)
{
	(void)arg;
	for (int round = 0; round < 10; round++) {
		char *pages = mmap(NULL, 20 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		madvise(pages, 20 * 4096, MADV_NOHUGEPAGE);
		for (int i = 0; i < 20; i++)
			((volatile char *)pages)[i * 4096] = 1;
		munmap(pages, 20 * 4096);
		spin((void *)(uintptr_t)(8 * slowness()));
	}
	return NULL;
}

static void group_work(void)
{
	pthread_t threads[3];
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, fault_and_spin, NULL);
	fault_and_spin(NULL);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
}

/* What the samples of a leader say of the members adds up to what the members counted, less what came after each
 * thread's last sample. With `uninherited` as on kernels before 6.12: less what a thread does before it is joined, too.
 */
static void check_group(bool uninherited)
{
	struct plait_event_spec spec;
	struct plait_source_options options = options_for(&spec, "cpu-clock", 500000);
	struct plait_event_list list = { 0 };
	assert_null(plait_event_list_parse(&list, "{cpu-clock@500000,page-faults,context-switches}:S"));
	options.events = list.specs.data;
	options.event_count = 3;
	options.uninherited_groups = uninherited;
	struct child child = child_start(group_work);
	options.pids = &child.pid;
	options.pid_count = 1;
	struct plait_source source;
	open_or_fail(&options, &source);
	struct seen seen = { 0 };
	child_go(&child);
	follow(&source, &child, &seen);
	struct plait_source_count clock, faults;
	struct plait_source_statistics statistics;
	assert_null(plait_source_count(&source, 0, &clock));
	assert_null(plait_source_count(&source, 1, &faults));
	plait_source_bpf_statistics(&source, &statistics);
	print_message("  %lu samples, %lu of %lu faults, %lu of %lu us, enabled %lu us, running %lu us, %lu joined\n",
		      (unsigned long)seen.samples, (unsigned long)seen.reads[1], (unsigned long)faults.value,
		      (unsigned long)seen.reads[0] / 1000, (unsigned long)clock.value / 1000,
		      (unsigned long)clock.enabled / 1000, (unsigned long)clock.running / 1000,
		      (unsigned long)statistics.joined_late);
	assert_true(seen.samples > 200);
	assert_int_equal(seen.with_reads, seen.samples);
	assert_true(seen.tids.count >= 4);
	assert_true(faults.value >= 4 * 200 - (uninherited ? 100 : 0));
	assert_true(seen.reads[1] <= faults.value && seen.reads[1] >= 4 * 180 - (uninherited ? 100 : 0));
	assert_true(seen.reads[0] <= clock.value && seen.reads[0] > clock.value / 10 * 9);
	assert_true(clock.running <= clock.enabled + clock.enabled / 4); /* nothing was multiplexed */
	assert_true(clock.running >= clock.enabled / 10 * 7);
	assert_int_equal(statistics.joined_late, uninherited ? 3 : 0);
	plait_source_destroy(&source);
	plait_event_list_release(&list);
	seen_release(&seen);
}

/* Linux 6.12 and later. */
static bool kernel_inherits_groups(void)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE, .size = sizeof(attr) };
	attr.config = PERF_COUNT_SW_CPU_CLOCK;
	attr.sample_period = 1000000000;
	attr.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_READ;
	attr.read_format = PERF_FORMAT_GROUP | PERF_FORMAT_ID;
	attr.inherit = attr.disabled = 1;
	int fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
	int reason = errno;
	if (fd >= 0)
		close(fd);
	return fd >= 0 || reason != EINVAL;
}

static void test_group(void **state)
{
	(void)state;
	if (!refused && !kernel_inherits_groups()) {
		print_message("skipped: this kernel does not inherit groups with :S, which is the next test\n");
		skip();
	}
	check_group(false);
}

static void test_uninherited_group(void **state)
{
	(void)state;
	check_group(true);
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "work") == 0) {
		work(2, 300, true);
		_exit(0); /* a leak checker would start a process of its own */
	}
	ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (size < 0)
		return 1;
	refused = load(&program, true);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_launch),
		cmocka_unit_test(test_attach),
		cmocka_unit_test(test_attach_while_threads_start),
		cmocka_unit_test(test_page_faults),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_wide),
		cmocka_unit_test(test_system_wide),
		cmocka_unit_test(test_no_process),
		cmocka_unit_test(test_two_events),
		cmocka_unit_test(test_group),
		cmocka_unit_test(test_uninherited_group),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
