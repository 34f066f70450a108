/* links: plait_common plait_python_unwind */
/* Every interpreter of this host against what the interpreter says about itself. */
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>
#include <cmocka.h>

#include "common/memory.h"
#include "unit/test_runtime_host.h"
#include "unit/thread_block_of.h"

/* Prints what CPython says about itself, waits without the GIL, then runs in a loop with it. */
static const char script[] =
	"import sys, ctypes, threading\n"
	"def say(key, value): print(key, value, flush=True)\n"
	"def report():\n"
	"    frame = sys._getframe(); code = frame.f_code\n"
	"    say('version', sys.hexversion)\n"
	"    say('free_threaded', int(hasattr(sys, '_is_gil_enabled') and 't' in sys.abiflags))\n"
	"    say('debug', int(hasattr(sys, 'gettotalrefcount')))\n"
	"    say('runtime', ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, '_PyRuntime')))\n"
	"    get = ctypes.pythonapi.PyThreadState_Get; get.restype = ctypes.c_void_p\n"
	"    say('tstate', get())\n"
	"    get = ctypes.pythonapi.PyInterpreterState_Head; get.restype = ctypes.c_void_p\n"
	"    say('interpreter', get())\n"
	"    say('thread', threading.get_ident())\n"
	"    say('code', id(code)); say('name', id(code.co_name)); say('filename', id(code.co_filename))\n"
	"    say('qualname', id(code.co_qualname) if hasattr(code, 'co_qualname') else 0)\n"
	"    table = code.co_linetable if sys.version_info >= (3, 10) else code.co_lnotab\n"
	"    say('table', id(table)); say('table_size', len(table)); say('first_line', code.co_firstlineno)\n"
	"    say('adaptive_0', code.co_code[0])\n"
	"    say('ascii_data', sys.getsizeof('') - 1); say('compact_data', sys.getsizeof('\\u0101') - 4)\n"
	"    say('bytes_data', bytes.__basicsize__ - 1)\n"
	"    for name, text in (('ascii', 'abc'), ('latin', 'ab\\xe9'), ('ucs2', 'ab\\u0101'), ('ucs4', "
	"'ab\\U0001f600')):\n"
	"        keep.append(text); say('str_' + name, id(text))\n"
	"    print('.', flush=True)\n"
	"    sys.stdin.readline()\n"
	"    print('.', flush=True)\n"
	"    while True: pass\n"
	"keep = []\n"
	"report()\n";

struct subject {
	struct host_child child;
	struct plait_memory memory;
	struct plait_python_binary *binary;
	struct plait_python_runtime runtime;
	struct plait_walk_plan plan;
	char text[8192];
};

static uint64_t bias_of(const uint8_t *image, uint64_t start)
{
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)image;
	const Elf64_Phdr *segments = (const Elf64_Phdr *)(image + header->e_phoff);
	for (size_t i = 0; i < header->e_phnum; i++) {
		if (segments[i].p_type == PT_LOAD)
			return start - (segments[i].p_vaddr & ~4095ull) + (segments[i].p_offset & ~4095ull);
	}
	return 0;
}

/* Looks for CPython in all files that the child has mapped. */
static void find_runtime(struct subject *subject)
{
	char path[64], line[4096];
	snprintf(path, sizeof(path), "/proc/%d/maps", subject->child.pid);
	FILE *maps = fopen(path, "r");
	assert_non_null(maps);
	while (!subject->binary && fgets(line, sizeof(line), maps)) {
		unsigned long start, offset;
		int at = 0;
		if (sscanf(line, "%lx-%*x %*s %lx %*s %*u %n", &start, &offset, &at) != 2 || offset || line[at] != '/')
			continue;
		line[strcspn(line, "\n")] = '\0';
		struct host_file file = host_map(line + at);
		if (!file.bytes)
			continue;
		struct plait_error *error =
			plait_python_binary_inspect(file.bytes, file.size, line + at, &subject->binary);
		if (error)
			print_message("  %s\n", error->message);
		plait_error_free(error);
		if (subject->binary) {
			plait_python_binary_find_fragments(subject->binary, file.bytes, file.size);
			subject->runtime = (struct plait_python_runtime) {
				.binary = subject->binary,
				.pid = (uint32_t)subject->child.pid,
				.bias = bias_of(file.bytes, start),
				.thread_block = thread_block_of(subject->child.pid),
			};
		}
		host_unmap(&file);
	}
	fclose(maps);
}

static uint64_t word(const struct subject *subject, uint64_t address)
{
	uint64_t value = 0;
	assert_true(plait_memory_u64(&subject->memory, address, &value));
	return value;
}

static uint64_t said(const struct subject *subject, const char *key)
{
	return host_value(subject->text, key);
}

static void assert_description(const struct subject *subject)
{
	uint32_t version = plait_python_binary_version(subject->binary), truth = (uint32_t)said(subject, "version");
	const char *description = plait_python_binary_description(subject->binary);
	if (version & 0xffff)
		assert_int_equal(version, truth);
	else /* until 3.10 the file does not state the patch level */
		assert_true(version == (truth & 0xffff0000) && truth < 0x030b0000);
	assert_int_equal(!!strstr(description, "free-threaded"), said(subject, "free_threaded"));
	assert_int_equal(!!strstr(description, "debug"), said(subject, "debug"));
	assert_int_equal(subject->plan.runtime, said(subject, "runtime"));
	assert_int_equal(subject->plan.free_threaded, said(subject, "free_threaded"));
}

static void assert_code_object(const struct subject *subject)
{
	const struct plait_walk_plan *plan = &subject->plan;
	uint64_t code = said(subject, "code");
	assert_int_equal(word(subject, code + plan->code_name), said(subject, "name"));
	assert_int_equal(word(subject, code + plan->code_filename), said(subject, "filename"));
	assert_int_equal(word(subject, code + plan->code_linetable), said(subject, "table"));
	assert_int_equal((uint32_t)word(subject, code + plan->code_first_line), said(subject, "first_line"));
	if (plan->code_qualname != PLAIT_NO_OFFSET)
		assert_int_equal(word(subject, code + plan->code_qualname), said(subject, "qualname"));
	else
		assert_int_equal(said(subject, "qualname"), 0);
	if (plan->code_adaptive != PLAIT_NO_OFFSET && !plan->free_threaded) /* RESUME is specialised, not moved */
		assert_true(word(subject, code + plan->code_adaptive) & 0xff);
	assert_int_equal(word(subject, said(subject, "table") + plan->bytes_size), said(subject, "table_size"));
	assert_int_equal(plan->bytes_data, said(subject, "bytes_data"));
}

static void assert_string(const struct subject *subject, const char *key, unsigned kind, bool ascii)
{
	const struct plait_walk_plan *plan = &subject->plan;
	uint64_t object = said(subject, key);
	uint32_t state = (uint32_t)word(subject, object + plan->unicode_state);
	assert_int_equal(word(subject, object + plan->unicode_length), 3);
	assert_int_equal(state >> plan->unicode_kind_shift & 7, kind);
	assert_int_equal(state >> plan->unicode_compact_shift & 1, 1);
	assert_int_equal(state >> plan->unicode_ascii_shift & 1, ascii);
	uint64_t data = object + (ascii ? plan->unicode_ascii_data : plan->unicode_compact_data);
	assert_int_equal(word(subject, data) & (kind == 4 ? 0xffffffff : 0xff), 'a');
	assert_int_equal(word(subject, data + kind) & (kind == 4 ? 0xffffffff : 0xff), 'b');
}

static void assert_strings(const struct subject *subject)
{
	assert_int_equal(subject->plan.unicode_ascii_data, said(subject, "ascii_data"));
	assert_int_equal(subject->plan.unicode_compact_data, said(subject, "compact_data"));
	assert_string(subject, "str_ascii", 1, true);
	assert_string(subject, "str_latin", 1, false);
	assert_string(subject, "str_ucs2", 2, false);
	assert_string(subject, "str_ucs4", 4, false);
}

/* The value of a thread-local of the thread whose thread pointer is `tp`, by the definition in walk_plan.h. */
static uint64_t thread_local_value(const struct subject *subject, const struct plait_tls_variable *variable,
				   uint64_t tp)
{
	uint64_t block = tp;
	switch (variable->kind) {
	case PLAIT_TLS_STATIC:
		break;
	case PLAIT_TLS_DYNAMIC:
		block = word(subject, word(subject, tp + subject->plan.dtv_offset) +
					      16 * word(subject, variable->module_address));
		break;
	case PLAIT_TLS_GOT:
		block = tp + word(subject, variable->module_address);
		break;
	case PLAIT_TLS_DESCRIPTOR: {
		uint64_t argument = word(subject, variable->module_address + 8);
		if ((int64_t)argument < (int64_t)subject->plan.tls_static_limit)
			block = tp + argument;
		else
			block = word(subject,
				     word(subject, tp + subject->plan.dtv_offset) + 16 * word(subject, argument)) +
				word(subject, argument + 8);
		break;
	}
	default:
		fail_msg("no thread-local");
	}
	return word(subject, block + (uint64_t)(int64_t)variable->offset);
}

/* `attached`: the thread holds the GIL, or is attached without one. */
static void assert_thread_state(const struct subject *subject, bool attached)
{
	const struct plait_walk_plan *plan = &subject->plan;
	uint64_t tstate = said(subject, "tstate"), thread = said(subject, "thread"), tp = thread + plan->thread_block;
	assert_int_equal(word(subject, tstate + plan->tstate_interp), said(subject, "interpreter"));
	assert_int_equal(word(subject, tstate + plan->tstate_thread_id), thread);
	if (plan->shape >= PLAIT_SHAPE_CFRAME_SHIM)
		assert_int_equal(thread_local_value(subject, &plan->tls_current, tp), attached ? tstate : 0);
	else
		assert_int_equal(word(subject, plan->runtime + plan->runtime_tstate_current), attached ? tstate : 0);
	if (plan->runtime_autotsskey) {
		uint64_t key = word(subject, plan->runtime + plan->runtime_autotsskey) >> 32;
		assert_int_equal(word(subject, thread + plan->tsd_offset + 16 * key + 8), tstate);
	} else {
		assert_int_equal(thread_local_value(subject, &plan->tls_gilstate, tp), tstate);
	}
}

/* The innermost frame runs report(). */
static void assert_frame(const struct subject *subject)
{
	const struct plait_walk_plan *plan = &subject->plan;
	uint64_t frame = word(subject, said(subject, "tstate") + plan->tstate_frame);
	if (plan->shape == PLAIT_SHAPE_CFRAME || plan->shape == PLAIT_SHAPE_CFRAME_SHIM)
		frame = word(subject, frame + plan->cframe_current_frame);
	assert_int_equal(word(subject, frame + plan->frame_code) & plan->code_mask, said(subject, "code"));
	if (plan->frame_owner != PLAIT_NO_FRAME_OFFSET)
		assert_int_equal(word(subject, frame + plan->frame_owner) & 0xff, 0);
	uint64_t caller = word(subject, frame + plan->frame_previous);
	assert_int_not_equal(caller, 0);
	uint64_t module = word(subject, caller + plan->frame_code) & plan->code_mask;
	assert_int_equal(word(subject, module + plan->code_filename), said(subject, "filename"));
	if (plan->instr_is_lasti) {
		int32_t lasti = (int32_t)word(subject, frame + plan->frame_instr);
		assert_true(lasti >= 0 && lasti < 1000);
	} else if (!plan->free_threaded) {
		uint64_t instr = word(subject, frame + plan->frame_instr);
		uint64_t base = said(subject, "code") + plan->code_adaptive;
		assert_true(instr >= base && instr < base + 2000);
	}
}

static void assert_check(const struct subject *subject)
{
	struct plait_error *error = plait_python_runtime_check(&subject->runtime, &subject->memory);
	if (error)
		fail_msg("%s", error->message);
	if (subject->plan.version >= 0x030d0000) { /* one page off there is no cookie */
		struct plait_python_runtime wrong = subject->runtime;
		wrong.bias += 4096;
		error = plait_python_runtime_check(&wrong, &subject->memory);
		assert_non_null(error);
		assert_int_equal(error->code, PLAIT_ERROR_INVALID);
		plait_error_free(error);
	}
}

/* Stops the child in its loop. It may just be dropping the GIL at its own request, so look again if it is. */
static void assert_attached(const struct subject *subject)
{
	for (unsigned attempt = 0;; attempt++) {
		int status;
		nanosleep(&(struct timespec) { .tv_nsec = 50000000 }, NULL);
		kill(subject->child.pid, SIGSTOP);
		assert_int_equal(waitpid(subject->child.pid, &status, WUNTRACED), subject->child.pid);
		uint64_t current = 0;
		if (subject->plan.shape >= PLAIT_SHAPE_CFRAME_SHIM)
			current = thread_local_value(subject, &subject->plan.tls_current, said(subject, "thread"));
		else
			current = word(subject, subject->plan.runtime + subject->plan.runtime_tstate_current);
		if (current || attempt == 20)
			break;
		kill(subject->child.pid, SIGCONT);
	}
	assert_thread_state(subject, true);
	assert_frame(subject);
	assert_check(subject);
}

static void assert_evaluator(const struct subject *subject)
{
	size_t count;
	const struct plait_python_range *ranges = plait_python_binary_evaluator(subject->binary, &count);
	assert_true(count >= 1);
	for (size_t i = 0; i < count; i++)
		assert_true(ranges[i].start < ranges[i].end);
}

/* False when the interpreter is not one to test: it cannot run the script, or is older than 3.8. */
static bool examine(const char *interpreter)
{
	struct subject subject = { 0 };
	assert_true(host_start(&subject.child, interpreter, script));
	subject.memory = plait_memory_of_process(subject.child.pid);
	if (!host_read(&subject.child, subject.text, sizeof(subject.text))) {
		print_message("  skipped: %s does not run the script (no ctypes?)\n", interpreter);
		host_end(&subject.child);
		return false;
	}
	if (said(&subject, "version") < 0x03080000) {
		host_end(&subject.child);
		return false;
	}
	find_runtime(&subject);
	assert_non_null(subject.binary);
	print_message("  %s: %s\n", interpreter, plait_python_binary_description(subject.binary));
	plait_python_runtime_plan(&subject.runtime, &subject.plan);
	nanosleep(&(struct timespec) { .tv_nsec = 50000000 }, NULL); /* until it blocks */
	assert_description(&subject);
	assert_code_object(&subject);
	assert_strings(&subject);
	assert_thread_state(&subject, false);
	assert_frame(&subject);
	assert_check(&subject);
	assert_evaluator(&subject);
	char rest[16];
	assert_int_equal(write(subject.child.to, "\n", 1), 1);
	assert_true(host_read(&subject.child, rest, sizeof(rest)));
	assert_attached(&subject);
	host_end(&subject.child);
	plait_python_binary_destroy(subject.binary);
	return true;
}

static void every_interpreter_is_as_it_says(void **state)
{
	(void)state;
	struct host_interpreters interpreters = host_find_interpreters();
	size_t examined = 0;
	for (size_t i = 0; i < interpreters.count; i++)
		examined += examine(interpreters.paths[i]);
	host_release_interpreters(&interpreters);
	if (!examined) {
		print_message("no CPython 3.8 or later with ctypes in pyenv, /usr/bin or /usr/local/bin\n");
		skip();
	}
}

/* While a process starts, its runtime is there before it is set up. */
static void a_runtime_that_starts_up_passes(void **state)
{
	(void)state;
	struct host_interpreters interpreters = host_find_interpreters();
	size_t examined = 0;
	for (size_t i = 0; i < interpreters.count && examined < 4; i++) {
		for (unsigned delay = 0; delay < 12; delay += 3) {
			struct subject subject = { 0 };
			assert_true(host_start(&subject.child, interpreters.paths[i], "import time; time.sleep(20)"));
			subject.memory = plait_memory_of_process(subject.child.pid);
			for (unsigned attempt = 0; attempt < 400 && !subject.binary; attempt++) {
				find_runtime(&subject);
				nanosleep(&(struct timespec) { .tv_nsec = 500000 }, NULL);
			}
			nanosleep(&(struct timespec) { .tv_nsec = delay * 1000000L }, NULL);
			if (subject.binary) {
				struct plait_error *error =
					plait_python_runtime_check(&subject.runtime, &subject.memory);
				if (error)
					fail_msg("%s: %s", interpreters.paths[i], error->message);
				examined += delay == 0;
			}
			host_end(&subject.child);
			plait_python_binary_destroy(subject.binary);
		}
	}
	host_release_interpreters(&interpreters);
	if (!examined)
		skip();
}

static void ordinary_files_are_not_cpython(void **state)
{
	(void)state;
	static const char *const paths[] = { "/bin/true", "/bin/sh", "/proc/self/exe", "/etc/passwd" };
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct host_file file = host_map(paths[i]);
		if (!file.bytes)
			continue;
		struct plait_python_binary *binary = NULL;
		assert_null(plait_python_binary_inspect(file.bytes, file.size, paths[i], &binary));
		assert_null(binary);
		host_unmap(&file);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_interpreter_is_as_it_says),
		cmocka_unit_test(a_runtime_that_starts_up_passes),
		cmocka_unit_test(ordinary_files_are_not_cpython),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
