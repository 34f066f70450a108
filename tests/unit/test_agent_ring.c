/* links: plait_perf plait_common */
/* The ring that a program writes by itself: whole records, half-written ones, wrapped ones, and a program that lies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/clock.h"
#include "perf/agent/agent_ring.h"
#include "perf/agent/source_agent.h"

struct fixture {
	struct plait_agent_ring ring;
	uint8_t *data;
};

static int fd_of_ring(size_t size)
{
	int fd = memfd_create("test", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	return fd;
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	int fd = fd_of_ring(PLAIT_AGENT_PAGE + PLAIT_AGENT_DATA_SIZE);
	struct plait_agent_page page = { .magic = PLAIT_AGENT_MAGIC, .data_size = PLAIT_AGENT_DATA_SIZE };
	assert_int_equal(pwrite(fd, &page, sizeof(page), 0), sizeof(page));
	assert_null(plait_agent_ring_map(fd, &fixture->ring));
	close(fd);
	fixture->ring.pid = fixture->ring.own_pid = 7;
	fixture->ring.pid_fd = -1;
	fixture->data = (uint8_t *)(uintptr_t)fixture->ring.data;
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	plait_agent_ring_release(&fixture->ring);
	free(fixture);
	return 0;
}

/* Writes a record at `position` and moves the head behind it. */
static struct plait_agent_record *put(struct fixture *fixture, uint64_t position, const char *text)
{
	uint32_t size = (uint32_t)(sizeof(struct plait_agent_record) + strlen(text) + 7) & ~7u;
	struct plait_agent_record *record =
		(struct plait_agent_record *)(fixture->data + (position & (PLAIT_AGENT_DATA_SIZE - 1)));
	record->kind = PLAIT_AGENT_MAPS;
	record->size = size;
	record->body = (uint32_t)strlen(text);
	memcpy(record + 1, text, strlen(text));
	atomic_store(&record->commit, plait_agent_commit(position));
	atomic_store(&fixture->ring.page->head, position + size);
	return record;
}

static void reads_what_was_written(void **state)
{
	struct fixture *fixture = *state;
	struct plait_agent_record record;
	bool bad;
	assert_null(plait_agent_ring_record(&fixture->ring, 0, &record, &bad));
	assert_false(bad);
	put(fixture, 0, "first");
	const uint8_t *body = plait_agent_ring_record(&fixture->ring, 0, &record, &bad);
	assert_non_null(body);
	assert_memory_equal(body, "first", record.body);
	put(fixture, record.size, "second");
	body = plait_agent_ring_record(&fixture->ring, record.size, &record, &bad);
	assert_memory_equal(body, "second", record.body);
	plait_agent_ring_give_back(&fixture->ring, 64);
	assert_int_equal(atomic_load(&fixture->ring.page->tail), 64);
}

static void waits_for_what_is_half_written(void **state)
{
	struct fixture *fixture = *state;
	struct plait_agent_record record, *written = put(fixture, 0, "text");
	bool bad;
	atomic_store(&written->commit, 0);
	assert_null(plait_agent_ring_record(&fixture->ring, 0, &record, &bad));
	assert_false(bad);
	/* What lay there a round before is not what is there now. */
	atomic_store(&written->commit, plait_agent_commit(PLAIT_AGENT_DATA_SIZE));
	assert_null(plait_agent_ring_record(&fixture->ring, 0, &record, &bad));
}

static void reads_across_the_end(void **state)
{
	struct fixture *fixture = *state;
	struct plait_agent_record record;
	bool bad;
	uint64_t position = 3 * (uint64_t)PLAIT_AGENT_DATA_SIZE - 40;
	put(fixture, position, "a text that goes on at the start");
	const uint8_t *body = plait_agent_ring_record(&fixture->ring, position, &record, &bad);
	assert_non_null(body);
	assert_memory_equal(body, "a text that goes on at the start", record.body);
}

static void refuses_lies(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		uint32_t size, body;
	} lies[] = {
		{ 0, 0 }, { 8, 0 }, { 33, 1 }, { 40, 100 }, { UINT32_MAX - 7, 8 }, { 4096, 8 }, { 40, UINT32_MAX }
	};
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct plait_agent_record record, *written = put(fixture, 0, "text");
		bool bad;
		written->size = lies[i].size;
		written->body = lies[i].body;
		assert_null(plait_agent_ring_record(&fixture->ring, 0, &record, &bad));
		assert_true(bad);
	}
}

static void refuses_other_rings(void **state)
{
	(void)state;
	struct plait_agent_ring ring = { .pid_fd = -1 };
	struct plait_agent_page page = { .magic = PLAIT_AGENT_MAGIC + 1, .data_size = PLAIT_AGENT_DATA_SIZE };
	int small = fd_of_ring(4096), other = fd_of_ring(PLAIT_AGENT_PAGE + PLAIT_AGENT_DATA_SIZE);
	assert_int_equal(pwrite(other, &page, sizeof(page), 0), sizeof(page));
	for (int i = 0; i < 2; i++) {
		struct plait_error *error = plait_agent_ring_map(i ? other : small, &ring);
		assert_non_null(error);
		assert_null(ring.page);
		plait_error_free(error);
	}
	close(small);
	close(other);
}

static void keeps_two_plans(void **state)
{
	struct fixture *fixture = *state;
	struct plait_agent_page *page = fixture->ring.page;
	assert_true(plait_agent_ring_add_plan(&fixture->ring, "plan one", 8));
	assert_true(plait_agent_ring_add_plan(&fixture->ring, "plan one", 8)); /* known already */
	assert_int_equal(page->plan_count, 1);
	assert_true(plait_agent_ring_add_plan(&fixture->ring, "plan two", 8));
	assert_false(plait_agent_ring_add_plan(&fixture->ring, "another!", 8));
	assert_int_equal(page->plan_count, 2);
	assert_int_equal(atomic_load(&page->plans) % 2, 0);
	plait_agent_ring_forget_plans(&fixture->ring);
	assert_int_equal(page->plan_count, 0);
	uint8_t large[PLAIT_AGENT_PLAN_SIZE + 1] = { 0 };
	assert_false(plait_agent_ring_add_plan(&fixture->ring, large, sizeof(large)));
}

/* ---- the recorder's side ---- */

#define DEEP_STACK (1u << 20)
#define DEEP_STACKS 7 /* nearly all of the ring */

struct reader {
	struct plait_agent_page *page;
	size_t samples;
	uint64_t lost;
	uint64_t returned[DEEP_STACKS]; /* bytes of the ring, while a sample was delivered */
};

static struct plait_error *note_event(void *context, const struct plait_source_event *event)
{
	struct reader *reader = context;
	if (event->kind == PLAIT_SOURCE_LOST)
		reader->lost += event->count;
	if (event->kind == PLAIT_SOURCE_SAMPLE && reader->samples < DEEP_STACKS)
		reader->returned[reader->samples++] = atomic_load(&reader->page->tail);
	return NULL;
}

static void put_samples(struct fixture *fixture)
{
	uint64_t position = 0;
	for (size_t i = 0; i < DEEP_STACKS; i++) {
		struct plait_agent_record *record = (struct plait_agent_record *)(fixture->data + position);
		struct plait_agent_sample sample = { .time = plait_clock_ns(CLOCK_MONOTONIC),
						     .tid = (uint32_t)getpid(),
						     .stack_size = DEEP_STACK };
		record->kind = PLAIT_AGENT_SAMPLE;
		record->body = (uint32_t)sizeof(sample) + DEEP_STACK;
		record->size = (uint32_t)sizeof(*record) + record->body;
		memcpy(record + 1, &sample, sizeof(sample));
		atomic_store(&record->commit, plait_agent_commit(position));
		position += record->size;
	}
	atomic_store(&fixture->ring.page->head, position);
	atomic_store(&fixture->ring.page->lost, 3);
}

/* Says hello as the agent does. */
static void introduce(const struct plait_source *source, int fd)
{
	const char *path = strstr(plait_source_agent_environment(source)[1], "socket=");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct plait_agent_hello hello = { .magic = PLAIT_AGENT_MAGIC, .pid = (uint32_t)getpid() };
	struct iovec part = { &hello, sizeof(hello) };
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control)
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	*header = (struct cmsghdr) { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	assert_non_null(path);
	strncpy(address.sun_path, path + strlen("socket="), sizeof(address.sun_path) - 1);
	int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(connection, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(sendmsg(connection, &message, MSG_NOSIGNAL), sizeof(hello));
	close(connection);
}

static void gives_room_back_while_it_delivers(void **state)
{
	(void)state;
	struct plait_agent_options options = { "library", PLAIT_AGENT_TIMER_CPU, 1000000, 0 };
	struct plait_source source;
	assert_null(plait_source_agent_open(&options, &source));
	struct fixture fixture = { .ring = { .pid_fd = -1 } };
	int fd = fd_of_ring(PLAIT_AGENT_PAGE + PLAIT_AGENT_DATA_SIZE);
	struct plait_agent_page page = { .magic = PLAIT_AGENT_MAGIC, .data_size = PLAIT_AGENT_DATA_SIZE };
	assert_int_equal(pwrite(fd, &page, sizeof(page), 0), sizeof(page));
	assert_null(plait_agent_ring_map(fd, &fixture.ring));
	fixture.data = (uint8_t *)(uintptr_t)fixture.ring.data;
	put_samples(&fixture);
	introduce(&source, fd);

	struct reader reader = { .page = fixture.ring.page };
	assert_null(plait_source_poll(&source, -1, note_event, &reader));
	assert_int_equal(reader.samples, DEEP_STACKS);
	assert_int_equal(reader.lost, 3);
	assert_int_equal(reader.returned[0], 0);
	assert_true(reader.returned[DEEP_STACKS / 2] > 2 * DEEP_STACK);
	assert_true(reader.returned[DEEP_STACKS - 1] > (DEEP_STACKS - 3) * DEEP_STACK);
	assert_int_equal(atomic_load(&reader.page->tail), atomic_load(&reader.page->head));
	plait_source_destroy(&source);
	fixture.ring.pid = 7;
	plait_agent_ring_release(&fixture.ring);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reads_what_was_written, setup, teardown),
		cmocka_unit_test_setup_teardown(waits_for_what_is_half_written, setup, teardown),
		cmocka_unit_test_setup_teardown(reads_across_the_end, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_lies, setup, teardown),
		cmocka_unit_test(refuses_other_rings),
		cmocka_unit_test_setup_teardown(keeps_two_plans, setup, teardown),
		cmocka_unit_test(gives_room_back_while_it_delivers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
