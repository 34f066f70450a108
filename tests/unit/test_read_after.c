/* links: plait_perf plait_common */
/* Frames that are read after the sample, of a child that keeps a "frame" in memory that it shares with us. What the
 * host does not allow is skipped, and says so. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/clock.h"
#include "perf/source/read_after.h"
#include "perf/source/watch.h"

enum { CODE = 0x7000, NEXT = 0x9000, INSTRUCTIONS = 0x7100, STACK_WORDS = 64 };

/* What child and parent share. */
struct shared {
	uint64_t link,
		outer_link; /* of the innermost frame to its caller, and of that; they stand for the frames too */
	uint64_t heads[2];
	uint64_t command; /* of the parent: a word to write, or 0 when it was done */
};

struct fixture {
	struct shared *shared;
	pid_t child;
	struct plait_reads reads;
	struct plait_python_reader reader;

	/* What the reader finds, and says of it. */
	struct plait_python_frame frames[2];
	struct plait_python_chain chain;
	struct plait_python_witness witness;

	/* The sample. */
	uint64_t stack[STACK_WORDS];
	struct plait_stack_piece piece;
	struct plait_sample sample;
};

static void read_frames(void *context, uint32_t pid, uint64_t tp, const struct plait_memory *memory,
			struct plait_python_chain *ret)
{
	struct fixture *fixture = context;
	(void)pid, (void)tp, (void)memory;
	*ret = fixture->chain;
}

static const struct plait_wire_code *next_code(void *context)
{
	(void)context;
	return NULL;
}

static uint64_t thread_pointer(void *context, uint32_t pid, uint32_t tid)
{
	(void)context, (void)pid;
	return tid;
}

static bool witness(void *context, struct plait_python_witness *ret)
{
	*ret = ((struct fixture *)context)->witness;
	return true;
}

/* Writes the word that it is told to, with the value that it has: what a function does that is left and entered again.
 */
static void obey(struct shared *shared)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		volatile uint64_t *word = (uint64_t *)__atomic_load_n(&shared->command, __ATOMIC_ACQUIRE);
		if (!word)
			continue;
		uint64_t value = *word;
		*word = value;
		__atomic_store_n(&shared->command, 0, __ATOMIC_RELEASE);
	}
}

static void child_writes(struct fixture *fixture, uint64_t *word)
{
	__atomic_store_n(&fixture->shared->command, (uint64_t)(uintptr_t)word, __ATOMIC_RELEASE);
	while (__atomic_load_n(&fixture->shared->command, __ATOMIC_ACQUIRE))
		;
}

static void describe(struct fixture *fixture)
{
	struct shared *shared = fixture->shared;
	uint64_t frame = (uint64_t)(uintptr_t)&shared->link, caller = (uint64_t)(uintptr_t)&shared->outer_link;
	fixture->frames[0] = (struct plait_python_frame) { .address = frame, .code = CODE, .lasti = 4 };
	fixture->frames[1] = (struct plait_python_frame) {
		.address = caller, .code = CODE + 1, .lasti = 8, .anchor = (uint64_t)(uintptr_t)&fixture->stack[8]
	};
	fixture->chain = (struct plait_python_chain) { .frames = fixture->frames,
						       .count = 2,
						       .status = PLAIT_WALK_COMPLETE,
						       .heads = { (uint64_t)(uintptr_t)&shared->heads[0] } };
	fixture->witness = (struct plait_python_witness) {
		.link = frame, .instructions = INSTRUCTIONS, .instructions_end = INSTRUCTIONS + 64, .next = NEXT
	};
	fixture->stack[2] = frame;
	fixture->stack[3] = INSTRUCTIONS + 6;
	fixture->piece = (struct plait_stack_piece) { .address = (uint64_t)(uintptr_t)fixture->stack,
						      .data = (const uint8_t *)fixture->stack,
						      .size = sizeof(fixture->stack) };
	fixture->sample = (struct plait_sample) { .pid = (uint32_t)fixture->child,
						  .tid = (uint32_t)fixture->child,
						  .stack = { .pieces = &fixture->piece, .count = 1 } };
}

static int set_up(void **state)
{
	static struct fixture fixture;
	struct plait_error *error = plait_watch_check();
	if (error) {
		print_message("  skipped: %s\n", error->message);
		plait_error_free(error);
		*state = NULL;
		return 0;
	}
	fixture = (struct fixture) { 0 };
	fixture.shared = mmap(NULL, sizeof(*fixture.shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(fixture.shared, MAP_FAILED);
	fixture.child = fork();
	if (fixture.child == 0)
		obey(fixture.shared);
	fixture.reader = (struct plait_python_reader) { .read = read_frames,
							.next_code = next_code,
							.thread_pointer = thread_pointer,
							.witness = witness,
							.context = &fixture };
	describe(&fixture);
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	if (!fixture)
		return 0;
	kill(fixture->child, SIGKILL);
	waitpid(fixture->child, NULL, 0);
	plait_reads_release(&fixture->reads);
	munmap(fixture->shared, sizeof(*fixture->shared));
	return 0;
}

static struct plait_error *no_handler(void *context, const struct plait_source_event *event)
{
	(void)context, (void)event;
	fail();
	return NULL;
}

/* A sample taken at `taken`: its Python frames are shown. */
static bool shows_at(struct fixture *fixture, uint64_t taken)
{
	struct plait_sample *sample = &fixture->sample;
	assert_null(plait_read_after(&fixture->reads, &fixture->reader, taken, sample, no_handler, NULL));
	assert_int_equal(sample->python.status, sample->python.checked ? PLAIT_WALK_COMPLETE : PLAIT_WALK_LOST);
	assert_int_equal(sample->python.count, sample->python.checked ? fixture->chain.count : 0);
	return sample->python.checked;
}

static bool shows(struct fixture *fixture)
{
	return shows_at(fixture, plait_clock_ns(CLOCK_MONOTONIC));
}

#define NEEDS_WATCH(fixture)                                                                                           \
	struct fixture *fixture = *state;                                                                              \
	if (!(fixture))                                                                                                \
		skip();

static void what_lasts_is_shown(void **state)
{
	NEEDS_WATCH(fixture);
	assert_false(shows(fixture)); /* nothing is known of before */
	for (int i = 0; i < 3; i++) {
		fixture->frames[0].lasti += 2;
		assert_true(shows(fixture));
		assert_true(fixture->sample.python.settled);
	}
}

/* The frames look the same each time, and the sample fits them: but they are those of another call. */
static void what_was_entered_again_is_not(void **state)
{
	NEEDS_WATCH(fixture);
	for (int i = 0; i < 20; i++) {
		assert_false(shows(fixture));
		child_writes(fixture, &fixture->shared->link);
	}
	assert_false(shows(fixture));
	assert_true(shows(fixture));
}

static void a_sample_from_before_the_watch_is_not(void **state)
{
	NEEDS_WATCH(fixture);
	uint64_t before = plait_clock_ns(CLOCK_MONOTONIC);
	assert_false(shows(fixture));
	assert_false(shows_at(fixture, before)); /* it waited in the ring */
	assert_true(shows(fixture));
}

static void other_frames_are_not(void **state)
{
	NEEDS_WATCH(fixture);
	assert_false(shows(fixture));
	fixture->frames[1].lasti += 2;
	assert_false(shows(fixture));
	assert_true(shows(fixture));
	fixture->frames[0].code++;
	assert_false(shows(fixture));
	fixture->chain.status = PLAIT_WALK_BROKEN;
	assert_false(shows(fixture));
	assert_false(shows(fixture));
}

/* The frame is the same call, but has called something: then the sample must tell. */
static void what_called_must_be_seen_in_the_sample(void **state)
{
	NEEDS_WATCH(fixture);
	uint64_t *head = &fixture->shared->heads[0];
	assert_false(shows(fixture));
	child_writes(fixture, head);
	assert_true(shows(fixture)); /* the stack copy points to the frame and its instructions */
	assert_false(fixture->sample.python.settled);

	child_writes(fixture, head);
	fixture->stack[4] = NEXT; /* and to a frame that it has called */
	assert_false(shows(fixture));
	child_writes(fixture, head);
	fixture->stack[4] = 0;
	fixture->stack[3] = 0; /* to no instruction of it */
	assert_false(shows(fixture));
	child_writes(fixture, head);
	fixture->stack[3] = INSTRUCTIONS + 6;
	fixture->stack[2] = 0; /* not to the frame */
	assert_false(shows(fixture));
	fixture->sample.registers.value[3] = fixture->frames[0].address; /* a register does */
	fixture->sample.registers.valid = 1 << 3;
	child_writes(fixture, head);
	assert_true(shows(fixture));
}

/* 3.11, 3.12: a word on the C stack says which frame is the innermost. */
static void the_word_on_the_stack_must_name_the_frame(void **state)
{
	NEEDS_WATCH(fixture);
	fixture->chain.heads[1] = (uint64_t)(uintptr_t)&fixture->stack[10];
	fixture->stack[10] = fixture->frames[0].address;
	assert_false(shows(fixture));
	child_writes(fixture, &fixture->shared->heads[0]);
	assert_true(shows(fixture));
	child_writes(fixture, &fixture->shared->heads[0]);
	fixture->stack[10] = 0x6000;
	assert_false(shows(fixture));
	child_writes(fixture, &fixture->shared->heads[0]);
	fixture->chain.heads[1] = 0x1000; /* beyond what was copied */
	assert_false(shows(fixture));
}

/* The caller was there all the time, and what it called before is gone. */
static void a_caller_that_lasts_is_shown_when_it_is_innermost(void **state)
{
	NEEDS_WATCH(fixture);
	struct plait_python_frame frames[2];
	memcpy(frames, fixture->frames, sizeof(frames));
	for (int again = 0; again < 2; again++) {
		for (int i = 0; i < 2; i++) { /* short calls, another one each time */
			fixture->frames[0].code = CODE + 16 * (uint64_t)i;
			child_writes(fixture, &fixture->shared->link);
			assert_false(shows(fixture));
		}
		child_writes(fixture, &fixture->shared->heads[0]);
		if (again) /* and once it was not: it was entered again */
			child_writes(fixture, &fixture->shared->outer_link);
		fixture->frames[0] = frames[1];
		fixture->chain.count = 1;
		fixture->witness.link = frames[1].address;
		fixture->stack[2] = frames[1].address;
		assert_int_equal(shows(fixture), !again);
		memcpy(fixture->frames, frames, sizeof(frames));
		fixture->chain.count = 2;
		fixture->witness.link = frames[0].address;
	}
}

static void what_began_before_a_look_between_two_samples_is_shown(void **state)
{
	NEEDS_WATCH(fixture);
	assert_false(shows(fixture));
	child_writes(fixture, &fixture->shared->link);
	plait_reads_again(&fixture->reads, &fixture->reader);
	assert_true(shows(fixture));
	child_writes(fixture, &fixture->shared->link);
	assert_false(shows(fixture));
	plait_reads_forget(&fixture->reads, fixture->sample.tid);
	plait_reads_again(&fixture->reads, &fixture->reader);
	assert_int_equal(fixture->reads.threads.count, 0);
}

static void a_thread_that_ended_is_forgotten(void **state)
{
	NEEDS_WATCH(fixture);
	assert_false(shows(fixture));
	plait_reads_forget(&fixture->reads, fixture->sample.tid);
	assert_int_equal(fixture->reads.threads.count, 0);
	assert_false(shows(fixture));
	assert_true(shows(fixture));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_lasts_is_shown),
		TEST(what_was_entered_again_is_not),
		TEST(a_sample_from_before_the_watch_is_not),
		TEST(other_frames_are_not),
		TEST(what_called_must_be_seen_in_the_sample),
		TEST(the_word_on_the_stack_must_name_the_frame),
		TEST(a_caller_that_lasts_is_shown_when_it_is_innermost),
		TEST(what_began_before_a_look_between_two_samples_is_shown),
		TEST(a_thread_that_ended_is_forgotten),
	};
	return cmocka_run_group_tests_name("read_after", tests, NULL, NULL);
}
