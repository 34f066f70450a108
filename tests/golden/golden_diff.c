/*
 * Goldens of comparisons: pairs of profiles written by hand (*.profile), compared, and rendered into files of this
 * folder. PLAIT_BLESS=1 in the environment writes the files instead: look at `git diff` before committing them.
 */
#include "output/render/diff/diff.h"
#include "unit/compare_support.h"

struct golden {
	const char *name, *base, *new;
	const char *format;
	struct plait_render_options render;
	bool lines, absolute;
	double above; /* per cent; 0: no limit */
};

static const struct golden goldens[] = {
	{ "diff-80.txt", "diff-base", "diff-new", "text", { .columns = 80 } },
	{ "diff-120-color.txt", "diff-base", "diff-new", "text", { .columns = 120, .color = true, .full = true } },
	{ "diff-50-ascii.txt", "diff-base", "diff-new", "text", { .columns = 50, .ascii = true } },
	{ "diff-lines-100.txt", "diff-base", "diff-new", "text", { .columns = 100 }, .lines = true },
	{ "diff-absolute-80.txt", "diff-base", "diff-new", "text", { .columns = 80 }, .absolute = true },
	{ "diff-same-80.txt", "diff-base", "diff-base", "text", { .columns = 80 } },
	{ "diff.json", "diff-base", "diff-new", "json", { 0 }, .above = 10 },
	{ "names.diff.json", "names", "names", "json", { 0 } },
};

/* The file as text; NULL when it cannot be read. */
static char *read_text(const char *folder, const char *name, const char *suffix)
{
	enum { SIZE = 1 << 20 };
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s%s", folder, name, suffix);
	FILE *file = fopen(path, "r");
	char *text = file ? malloc(SIZE) : NULL;
	if (text)
		text[fread(text, 1, SIZE - 1, file)] = '\0';
	if (file)
		fclose(file);
	return text;
}

/* Source text as if it were known: the new side's train.py has two lines more on top. */
static const char *line_text(void *context, const char *file, int32_t line)
{
	static char text[64];
	bool shifted = strstr(file, "train.py") && context != NULL;
	snprintf(text, sizeof(text), "\tstatement(%d)  # \x1b", (int)line - (shifted ? 2 : 0));
	return text;
}

static void add_profile(struct compare_case *test, const char *folder, const char *name)
{
	char *text = read_text(folder, name, ".profile");
	profile_text_require(text != NULL, name);
	compare_case_add(test, text, test->count);
	free(text);
}

static struct plait_error *write_diff(const struct golden *golden, const struct plait_diff *diff, FILE *out)
{
	return strcmp(golden->format, "json") == 0   ? plait_diff_json(diff, out)
	       : strcmp(golden->format, "html") == 0 ? plait_diff_html(diff, out)
						     : plait_diff_text(diff, &golden->render, out);
}

static char *render(const struct golden *golden, const char *folder)
{
	struct compare_case test;
	compare_case_begin(&test);
	test.options.absolute = golden->absolute;
	test.options.run_noise = 0.02;
	add_profile(&test, folder, golden->base);
	add_profile(&test, folder, golden->new);
	for (int i = 0; golden->lines && i < 2; i++) {
		test.inputs[i].line_text = line_text;
		test.inputs[i].line_context = i ? &test : NULL;
	}
	struct plait_comparison *comparison = compare_case_run(&test, 1);
	struct plait_gate gate = { .has_above = golden->above > 0, .above = golden->above };
	struct plait_gate_result result = { 0 };
	struct plait_error *error = plait_gate_check(comparison, &gate, &result);
	struct plait_diff diff = { comparison, &gate, &result, !golden->lines, golden->lines };
	char *output = NULL;
	size_t size;
	FILE *out = open_memstream(&output, &size);
	if (!error)
		error = write_diff(golden, &diff, out);
	fclose(out);
	profile_text_require(!error, error ? error->message : "");
	plait_gate_result_release(&result);
	compare_case_end(&test, comparison);
	return output;
}

static bool check(const struct golden *golden, const char *folder)
{
	char *text = render(golden, folder), *wanted = NULL;
	const char *blessing = getenv("PLAIT_BLESS");
	bool good;
	if (blessing && strcmp(blessing, "1") == 0) {
		char path[4096];
		snprintf(path, sizeof(path), "%s/%s", folder, golden->name);
		FILE *file = fopen(path, "w");
		good = file && fputs(text, file) >= 0;
		good = file && fclose(file) == 0 && good;
	} else {
		wanted = read_text(folder, golden->name, "");
		good = wanted && strcmp(wanted, text) == 0;
		if (!good)
			printf("%s differs (PLAIT_BLESS=1 accepts what is written now); it is:\n%s\n", golden->name,
			       text);
	}
	free(wanted);
	free(text);
	return good;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return 2;
	}
	setenv("TZ", "UTC", 1);
	int failures = 0;
	for (size_t i = 0; i < sizeof(goldens) / sizeof(goldens[0]); i++)
		failures += !check(&goldens[i], argv[1]);
	struct golden page = { .base = "diff-base", .new = "diff-new", .format = "html" };
	char *text = render(&page, argv[1]);
	failures += !strstr(text, "</html>") || !strstr(text, "id=\"plait-diff\"");
	free(text);
	printf("%zu goldens, %d wrong\n", sizeof(goldens) / sizeof(goldens[0]), failures);
	return failures ? 1 : 0;
}
