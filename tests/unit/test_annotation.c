/* links: plait_render plait_symbolize */
#include <linux/perf_event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "output/model/annotation.h"
#include "output/render/annotate/annotate.h"
#include "symbolize/disassemble/disassemble.h"

/* A loop at 0x1000, and a call of itself behind it. */
static const uint8_t code[] = {
	0x48, 0x31, 0xc0,	      /* +0  xor rax, rax */
	0x48, 0xff, 0xc0,	      /* +3  inc rax */
	0x48, 0x39, 0xf8,	      /* +6  cmp rax, rdi */
	0x75, 0xf8,		      /* +9  jne +3 */
	0xe8, 0xf0, 0xff, 0xff, 0xff, /* +b  call +0 */
	0xc3,			      /* +10 ret */
};

static void apply(struct plait_profile *profile, struct plait_record record, size_t id)
{
	record.id = (uint32_t)id;
	struct plait_error *error = plait_profile_apply(profile, &record);
	if (error)
		fail_msg("%s", error->message);
}

static void add_frame(struct plait_profile *profile, struct plait_record_frame frame)
{
	size_t id = profile->frames.count;
	apply(profile, (struct plait_record) { .kind = PLAIT_RECORD_FRAME, .frame = frame }, id);
	if (frame.kind != PLAIT_FRAME_NATIVE)
		return;
	struct plait_record_symbol_function function = { "kernel_fn", "", 0 };
	apply(profile,
	      (struct plait_record) { .kind = PLAIT_RECORD_SYMBOL,
				      .symbol = { (uint32_t)id, 0x1000, sizeof(code), &function, 1 } },
	      0);
}

/* A sample of `period` with these frames, outermost first, -1 at the end. */
static void add_sample(struct plait_profile *profile, uint64_t period, const int *frames)
{
	uint32_t parent = PLAIT_NONE;
	for (; *frames >= 0; frames++) {
		size_t id = profile->nodes.count;
		struct plait_record_node node = { parent, (uint32_t)*frames };
		apply(profile, (struct plait_record) { .kind = PLAIT_RECORD_NODE, .node = node }, id);
		parent = (uint32_t)id;
	}
	struct plait_record_sample sample = { .period = period, .node = parent };
	apply(profile, (struct plait_record) { .kind = PLAIT_RECORD_SAMPLE, .sample = sample }, 0);
}

enum { OUTER, INNER_SPAN, INNER, AT_INC, AT_CMP, AT_CALL };

static struct plait_profile *make_profile(bool unit_ns)
{
	struct plait_profile *profile = plait_profile_create();
	assert_non_null(profile);
	apply(profile,
	      (struct plait_record) { .kind = PLAIT_RECORD_HEADER,
				      .header = { "t", "lab", "6.18", "x86_64", "0", "bpf", 0, 0, 1 } },
	      0);
	apply(profile,
	      (struct plait_record) { .kind = PLAIT_RECORD_EVENT,
				      .event = { unit_ns ? "cpu-clock" : "page-faults", unit_ns, 0, 1, "" } },
	      0);
	apply(profile,
	      (struct plait_record) { .kind = PLAIT_RECORD_EVENT_TRAITS,
				      .event_traits = { .leader = PLAIT_NONE, .type = PERF_TYPE_SOFTWARE } },
	      0);
	apply(profile,
	      (struct plait_record) { .kind = PLAIT_RECORD_PROCESS, .process = { 7, PLAIT_NONE, 0, "t", "", "" } }, 0);
	apply(profile, (struct plait_record) { .kind = PLAIT_RECORD_THREAD, .thread = { 0, 7, "t" } }, 0);
	apply(profile, (struct plait_record) { .kind = PLAIT_RECORD_MODULE, .module = { .path = "/lib/libk.so" } }, 0);
	apply(profile, (struct plait_record) { .kind = PLAIT_RECORD_CODE, .code = { "main", "main", "/src/t.py", 1 } },
	      0);
	apply(profile,
	      (struct plait_record) { .kind = PLAIT_RECORD_CODE, .code = { "inner", "C.inner", "/src/t.py", 5 } }, 1);
	uint32_t none = PLAIT_NONE;
	add_frame(profile, (struct plait_record_frame) { PLAIT_FRAME_PYTHON, none, none, 0, 0, 2, 2, 1, 12 });
	add_frame(profile, (struct plait_record_frame) { PLAIT_FRAME_PYTHON, none, none, 0, 0, 2, 2, 9, 12 });
	add_frame(profile, (struct plait_record_frame) { PLAIT_FRAME_PYTHON, none, none, 0, 1, 6, 6, -1, -1 });
	add_frame(profile, (struct plait_record_frame) { PLAIT_FRAME_NATIVE, 0, none, 0x1003, none, 0, 0, 0, 0 });
	add_frame(profile, (struct plait_record_frame) { PLAIT_FRAME_NATIVE, 0, none, 0x1006, none, 0, 0, 0, 0 });
	add_frame(profile, (struct plait_record_frame) { PLAIT_FRAME_NATIVE, 0, none, 0x100f, none, 0, 0, 0, 0 });
	add_sample(profile, 10, (const int[]) { OUTER, AT_INC, -1 });
	add_sample(profile, 30, (const int[]) { OUTER, AT_CMP, -1 });
	add_sample(profile, 5, (const int[]) { INNER_SPAN, INNER, AT_CALL, AT_CMP, -1 });
	add_sample(profile, 7, (const int[]) { OUTER, INNER, INNER_SPAN, -1 });
	assert_null(plait_profile_finish(profile, NULL, NULL));
	return profile;
}

static void check_cost(const struct plait_cost *cost, uint64_t own, uint64_t total, uint64_t samples)
{
	assert_int_equal(cost->own, own);
	assert_int_equal(cost->total, total);
	assert_int_equal(cost->samples, samples);
}

static struct plait_selection *select_all(const struct plait_profile *profile)
{
	struct plait_selection *selection;
	assert_null(plait_selection_create(profile, &(struct plait_view_options) { 0 }, &selection));
	return selection;
}

static void test_source_costs(void **state)
{
	(void)state;
	struct plait_profile *profile = make_profile(true);
	struct plait_selection *selection = select_all(profile);
	struct plait_source_annotation annotation;
	struct plait_source_query query = { .file = "/src/t.py" };
	assert_null(plait_source_annotate(profile, selection, &query, &annotation));
	assert_int_equal(annotation.all, 52);
	assert_int_equal(annotation.lines.count, 2);
	check_cost(&annotation.lines.data[0].cost, 47, 52, 3); /* the recursion counts once */
	check_cost(&annotation.lines.data[1].cost, 5, 12, 1);
	assert_int_equal(annotation.spans.count, 2);
	check_cost(&annotation.spans.data[0].cost, 40, 47, 2);
	check_cost(&annotation.spans.data[1].cost, 7, 12, 1);
	check_cost(&annotation.cost, 52, 52, 4);
	plait_source_annotation_release(&annotation);

	query.line = 2;
	assert_null(plait_source_annotate(profile, selection, &query, &annotation));
	check_cost(&annotation.cost, 47, 52, 3);
	assert_int_equal(annotation.natives.count, 1); /* not what ran below line 6 */
	assert_int_equal(annotation.natives.data[0].weight, 40);
	plait_source_annotation_release(&annotation);

	query = (struct plait_source_query) { .file = "/src/t.py", .function = "C.inner" };
	assert_null(plait_source_annotate(profile, selection, &query, &annotation));
	assert_int_equal(annotation.first_line, 5);
	assert_int_equal(annotation.lines.count, 1);
	check_cost(&annotation.cost, 5, 12, 1);
	plait_source_annotation_release(&annotation);
	plait_selection_destroy(selection);
	plait_profile_destroy(profile);
}

/* The annotation of `code`, its texts in `disassembly`. */
static void annotate_code(const struct plait_profile *profile, struct plait_disassembly *disassembly,
			  struct plait_code_annotation *ret)
{
	*ret = (struct plait_code_annotation) { .start = 0x1000, .size = sizeof(code), .name = "kernel_fn" };
	assert_null(plait_disassemble("x86_64", code, sizeof(code), 0x1000, disassembly));
	for (size_t i = 0; i < disassembly->instructions.count; i++) {
		const struct plait_instruction *at = &disassembly->instructions.data[i];
		struct plait_code_row row = { .offset = at->offset,
					      .size = at->size,
					      .mnemonic = at->mnemonic,
					      .operands = at->operands,
					      .is_jump = at->kind == PLAIT_INSTRUCTION_JUMP,
					      .is_call = at->kind == PLAIT_INSTRUCTION_CALL,
					      .has_target = at->has_target,
					      .target = at->target,
					      .target_name = at->target == 0x1000 ? "kernel_fn" : "",
					      .file = i < 4 ? "/src/k.c" : "",
					      .line = i == 0  ? 3
						      : i < 4 ? 4
							      : 0 };
		assert_true(plait_vec_push(&ret->rows, row));
	}
	struct plait_selection *selection = select_all(profile);
	assert_null(plait_code_annotate(profile, selection, ret));
	plait_selection_destroy(selection);
}

static void test_code_costs(void **state)
{
	(void)state;
	struct plait_profile *profile = make_profile(true);
	struct plait_disassembly disassembly;
	struct plait_code_annotation annotation;
	annotate_code(profile, &disassembly, &annotation);
	check_cost(&annotation.cost, 45, 45, 3);
	check_cost(&annotation.rows.data[0].cost, 0, 0, 0);
	check_cost(&annotation.rows.data[1].cost, 10, 10, 1);
	check_cost(&annotation.rows.data[2].cost, 35, 35, 2);
	check_cost(&annotation.rows.data[4].cost, 0, 5, 0); /* the call: its return address is behind it */
	assert_false(annotation.exact);
	plait_code_annotation_release(&annotation);
	plait_disassembly_release(&disassembly);
	plait_profile_destroy(profile);

	profile = make_profile(false); /* page faults name the instruction that faulted */
	annotate_code(profile, &disassembly, &annotation);
	assert_true(annotation.exact);
	plait_code_annotation_release(&annotation);
	plait_disassembly_release(&disassembly);
	plait_profile_destroy(profile);
}

static const char *source_line(void *context, const char *file, int32_t line)
{
	(void)context;
	if (strcmp(file, "/src/k.c") == 0)
		return line == 3 ? "\tlong i = 0;" : line == 4 ? "\twhile (++i != n);" : NULL;
	return line == 1 ? "def main():" : line == 2 ? "\té = f(x) * 2" : line >= 3 && line <= 9 ? "" : NULL;
}

static void test_code_text(void **state)
{
	(void)state;
	struct plait_profile *profile = make_profile(true);
	struct plait_disassembly disassembly;
	struct plait_code_annotation annotation;
	annotate_code(profile, &disassembly, &annotation);
	struct plait_render_options render = { .columns = 80, .source_line = source_line };
	struct plait_annotate_options options = { .render = &render, .recording = "run.plait" };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	assert_null(plait_annotate_code_write(profile, &annotation, &options, out));
	fclose(out);
	assert_string_equal(text, "kernel_fn\n"
				  "/lib/libk.so\n"
				  "cpu-clock: own 0 ms (86.54 %), with callees 0 ms (86.54 %)\n"
				  "3 samples of its own\n"
				  "  The samples name the instruction where the interrupt came, one or more after\n"
				  "  the one that took the time: look at what is just before, too.\n"
				  "\n"
				  "  func    all inside  offset\n"
				  "                             k.c:3  long i = 0;\n"
				  "                      +0     xor     rax, rax\n"
				  "                             k.c:4  while (++i != n);\n"
				  "  22.2   19.2         +3  ┌► inc     rax\n"
				  "  77.8   67.3         +6  │  cmp     rax, rdi\n"
				  "                      +9  └─ jne +3\n"
				  "                 9.6  +b     call kernel_fn\n"
				  "                      +10    ret\n");
	free(text);
	plait_code_annotation_release(&annotation);
	plait_disassembly_release(&disassembly);
	plait_profile_destroy(profile);
}

static void test_source_text(void **state)
{
	(void)state;
	struct plait_profile *profile = make_profile(true);
	struct plait_selection *selection = select_all(profile);
	struct plait_source_annotation annotation;
	struct plait_source_query query = { .file = "/src/t.py" };
	assert_null(plait_source_annotate(profile, selection, &query, &annotation));
	struct plait_render_options render = { .columns = 80, .source_line = source_line };
	struct plait_annotate_options options = { .render = &render, .recording = "run.plait" };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	assert_null(plait_annotate_source_write(profile, &query, &annotation, NULL, &options, out));
	fclose(out);
	assert_string_equal(text, "/src/t.py\n"
				  "cpu-clock: own 0 ms (100 %), with callees 0 ms (100 %)\n"
				  "4 samples of its own\n"
				  "\n"
				  "   own  total   line\n"
				  "                   1  def main():\n"
				  "  90.4  100.0      2      é = f(x) * 2\n"
				  "  76.9   90.4             ^^^^^^^^^^\n"
				  "  13.5   23.1                    ^^^\n"
				  "                   3\n"
				  "                   4\n"
				  "                   5\n"
				  "   9.6   23.1      6\n"
				  "                   7\n"
				  "                   8\n");
	free(text);
	plait_source_annotation_release(&annotation);
	plait_selection_destroy(selection);
	plait_profile_destroy(profile);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_source_costs),
		cmocka_unit_test(test_code_costs),
		cmocka_unit_test(test_code_text),
		cmocka_unit_test(test_source_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
