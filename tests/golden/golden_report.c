/*
 * Goldens of the reports: profiles written by hand (*.profile), rendered, and compared with files in this folder.
 * PLAIT_BLESS=1 in the environment writes the files instead: look at `git diff` before committing them.
 */
#include <inttypes.h>

#include "golden/profile_text.h"
#include "output/render/render.h"

struct golden {
	const char *name;     /* of the file */
	const char *profile;  /* of the profile's file, without ".profile" */
	const char *renderer; /* or "script", "script-json" */
	struct plait_render_options render;
	struct plait_view_options view;
};

/* Source text as if the files were there. */
static const char *source_line(void *context, const char *file, int32_t line)
{
	(void)context;
	if (strcmp(file, "/src/train.py") != 0)
		return NULL;
	return line == 41   ? "\t\ty = x @ w"
	       : line == 52 ? "    idx = np.argsort(d, axis=0, kind='quicksort')[:k]  # \x1b[31m"
	       : line == 71 ? "    for batch in loader:"
			    : NULL;
}

#define RENDER_FROM(percent, ...) .render = { .threshold = percent, .source_line = source_line, __VA_ARGS__ }
#define RENDER(...) RENDER_FROM(-1, __VA_ARGS__)
#define VIEW(...) .view = { __VA_ARGS__ }
#define TEXTS(...)                                                                                                     \
	(const char *const[])                                                                                          \
	{                                                                                                              \
		__VA_ARGS__                                                                                            \
	}

static const struct golden goldens[] = {
	{ "tree-80.txt", "train", "tree", RENDER(.columns = 80) },
	{ "tree-120-color.txt", "train", "tree", RENDER(.columns = 120, .color = true) },
	{ "tree-80-ascii.txt", "train", "tree", RENDER(.columns = 80, .ascii = true) },
	{ "tree-40.txt", "train", "tree", RENDER(.columns = 40) },
	{ "tree-pipe.txt", "train", "tree", RENDER(.columns = 0) },
	{ "tree-full.txt", "train", "tree", RENDER_FROM(0, .columns = 120, .full = true) },
	{ "tree-inverted.txt", "train", "tree", RENDER(.columns = 100), VIEW(.inverted = true) },
	{ "tree-by-thread.txt", "train", "tree", RENDER(.columns = 100), VIEW(.by_thread = true) },
	{ "tree-by-function.txt", "train", "tree", RENDER(.columns = 100), VIEW(.by_function = true) },
	{ "tree-no-native.txt", "train", "tree", RENDER(.columns = 100), VIEW(.no_native = true, .no_kernel = true) },
	{ "tree-no-python.txt", "train", "tree", RENDER(.columns = 100), VIEW(.no_python = true) },
	{ "tree-filter.txt", "train", "tree", RENDER(.columns = 100),
	  VIEW(.patterns = TEXTS("array_arg"), .pattern_count = 1) },
	{ "tree-threshold.txt", "train", "tree", RENDER_FROM(50, .columns = 100) },
	{ "flat-80.txt", "train", "flat", RENDER(.columns = 80) },
	{ "flat-120-color.txt", "train", "flat", RENDER(.columns = 120, .color = true) },
	{ "lines-80-ascii.txt", "train", "lines", RENDER(.columns = 80, .ascii = true) },
	{ "lines-120-color.txt", "train", "lines", RENDER(.columns = 120, .color = true) },
	{ "summary-120.txt", "train", "summary", RENDER(.columns = 120) },
	{ "summary-60.txt", "train", "summary", RENDER(.columns = 60) },
	{ "train.collapsed", "train", "collapsed", RENDER() },
	{ "train.speedscope.json", "train", "speedscope", RENDER() },
	{ "train.firefox.json", "train", "firefox", RENDER() },
	{ "train.trace.json", "train", "chrome", RENDER() },
	{ "train.callgrind", "train", "callgrind", RENDER() },
	{ "recursion.callgrind", "recursion", "callgrind", RENDER() },
	{ "events.firefox.json", "events", "firefox", RENDER() },
	{ "names.trace.json", "names", "chrome", RENDER(), VIEW(.no_kernel = true) },
	{ "group.speedscope.json", "group", "speedscope", RENDER(), VIEW(.event = "cache-misses") },
	{ "empty.firefox.json", "empty", "firefox", RENDER() },
	{ "empty.trace.json", "empty", "chrome", RENDER() },
	{ "empty.callgrind", "empty", "callgrind", RENDER() },
	{ "train-by-thread.collapsed", "train", "collapsed", RENDER(), VIEW(.by_thread = true) },
	{ "train-no-native.collapsed", "train", "collapsed", RENDER(), VIEW(.no_native = true) },
	{ "train.json", "train", "json", RENDER() },
	{ "recursion-80.txt", "recursion", "tree", RENDER(.columns = 80) },
	{ "recursion-80-ascii.txt", "recursion", "tree", RENDER(.columns = 80, .ascii = true) },
	{ "recursion-flat.txt", "recursion", "flat", RENDER(.columns = 80) },
	{ "names-80.txt", "names", "tree", RENDER(.columns = 80) },
	{ "names-120-color.txt", "names", "tree", RENDER(.columns = 120, .color = true) },
	{ "names-80-ascii.txt", "names", "tree", RENDER(.columns = 80, .ascii = true) },
	{ "names-flat.txt", "names", "flat", RENDER(.columns = 80) },
	{ "names-by-thread.collapsed", "names", "collapsed", RENDER(), VIEW(.by_thread = true) },
	{ "names.json", "names", "json", RENDER() },
	{ "names-script.txt", "names", "script", RENDER() },
	{ "events-80.txt", "events", "tree", RENDER(.columns = 80) },
	{ "events-thread.txt", "events", "flat", RENDER(.columns = 80),
	  VIEW(.event = "cache-misses", .threads = TEXTS("worker", "20"), .thread_count = 2) },
	{ "events-lines.txt", "events", "lines", RENDER(.columns = 80), VIEW(.pids = TEXTS("10"), .pid_count = 1) },
	{ "events.json", "events", "json", RENDER(), VIEW(.by_thread = true) },
	{ "events-script.txt", "events", "script", RENDER() },
	{ "events-script.json", "events", "script-json", RENDER() },
	{ "group-80.txt", "group", "tree", RENDER(.columns = 80), VIEW(.event = "cycles") },
	{ "group-lines-80.txt", "group", "lines", RENDER(.columns = 80), VIEW(.event = "cycles") },
	{ "group-flat-80-ascii.txt", "group", "flat", RENDER(.columns = 80, .ascii = true), VIEW(.event = "cycles") },
	{ "group-member-lines-80.txt", "group", "lines", RENDER(.columns = 80), VIEW(.event = "cache-misses") },
	{ "group.json", "group", "json", RENDER() },
	{ "group-script.txt", "group", "script", RENDER() },
	{ "apart-80.txt", "apart", "tree", RENDER(.columns = 80), VIEW(.event = "instructions") },
	{ "memory-80.txt", "memory", "memory", RENDER(.columns = 80) },
	{ "empty-80.txt", "empty", "tree", RENDER(.columns = 80) },
	{ "empty-lines.txt", "empty", "lines", RENDER(.columns = 80) },
	{ "empty-summary.txt", "empty", "summary", RENDER(.columns = 80) },
	{ "empty.collapsed", "empty", "collapsed", RENDER() },
	{ "empty.json", "empty", "json", RENDER() },
};

/* The file `name` of `folder` as text; NULL when it cannot be read. */
static char *read_text(const char *folder, const char *name, const char *suffix, size_t *ret_size)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s%s", folder, name, suffix);
	FILE *file = fopen(path, "r");
	if (!file)
		return NULL;
	char *text = malloc(1 << 20);
	*ret_size = fread(text, 1, (1 << 20) - 1, file);
	text[*ret_size] = '\0';
	fclose(file);
	return text;
}

struct script {
	const struct plait_profile *profile;
	struct plait_selection *selection;
	bool json;
	FILE *out;
};

static struct plait_error *write_sample(void *context, const struct plait_record_sample *sample)
{
	const struct script *script = context;
	return plait_script_write(script->profile, script->selection, sample, script->json, script->out);
}

static struct plait_error *write_script(struct plait_profile *profile, bool json, FILE *out)
{
	struct plait_view_options view = { .all_events = true };
	struct script script = { .profile = profile, .json = json, .out = out };
	PLAIT_TRY(plait_selection_create(profile, &view, &script.selection));
	struct plait_error *error = profile_text_feed(profile, write_sample, &script);
	plait_selection_destroy(script.selection);
	return error;
}

static char *render(const struct golden *golden, const char *folder, size_t *ret_size)
{
	size_t size;
	char *text = read_text(folder, golden->profile, ".profile", &size);
	if (!text)
		return NULL;
	struct plait_profile *profile = profile_text_create(text);
	free(text);
	char *output = NULL;
	FILE *out = open_memstream(&output, ret_size);
	bool script = strncmp(golden->renderer, "script", 6) == 0;
	struct plait_sample_feed feed = { .read = profile_text_feed, .context = profile };
	struct plait_render_options options = golden->render;
	options.feed = &feed;
	struct plait_error *error =
		script ? write_script(profile, strcmp(golden->renderer, "script-json") == 0, out)
		       : plait_renderer_find(golden->renderer)->write(profile, &golden->view, &options, out);
	fclose(out);
	if (error)
		fprintf(stderr, "%s: %s\n", golden->name, error->message);
	plait_error_free(error);
	plait_profile_destroy(profile);
	return output;
}

static bool bless(const struct golden *golden, const char *folder, const char *text, size_t size)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s", folder, golden->name);
	FILE *file = fopen(path, "w");
	bool written = file && fwrite(text, 1, size, file) == size;
	if (file && fclose(file) != 0)
		written = false;
	return written;
}

/* Prints the first line that differs. */
static void print_difference(const struct golden *golden, const char *wanted, const char *got)
{
	int line = 1;
	while (*wanted) {
		size_t left = strcspn(wanted, "\n"), right = strcspn(got, "\n");
		if (left != right || memcmp(wanted, got, left) != 0)
			break;
		wanted += left + (wanted[left] == '\n');
		got += right + (got[right] == '\n');
		line++;
	}
	fprintf(stderr, "%s:%d differs (PLAIT_BLESS=1 accepts what is written now)\n  wanted: %.*s\n  got:    %.*s\n",
		golden->name, line, (int)strcspn(wanted, "\n"), wanted, (int)strcspn(got, "\n"), got);
}

static bool check(const struct golden *golden, const char *folder)
{
	size_t size = 0, wanted_size = 0;
	char *text = render(golden, folder, &size);
	if (!text)
		return false;
	const char *blessing = getenv("PLAIT_BLESS");
	bool good;
	if (blessing && strcmp(blessing, "1") == 0) {
		good = bless(golden, folder, text, size);
	} else {
		char *wanted = read_text(folder, golden->name, "", &wanted_size);
		good = wanted && wanted_size == size && memcmp(wanted, text, size) == 0;
		if (!good)
			print_difference(golden, wanted ? wanted : "", text);
		free(wanted);
	}
	free(text);
	return good;
}

/* Every export of every profile: formats that are not text, and paths that no golden takes, under the sanitizers. */
static bool export_all(const char *folder)
{
	static const char *const profiles[] = { "train", "recursion", "names",	"events",
						"group", "apart",     "memory", "empty" };
	bool good = true;
	for (size_t i = 0; i < plait_renderer_count * (sizeof(profiles) / sizeof(profiles[0])); i++) {
		const struct plait_renderer *renderer = &plait_renderers[i % plait_renderer_count];
		struct golden golden = { .name = renderer->name,
					 .profile = profiles[i / plait_renderer_count],
					 .renderer = renderer->name,
					 RENDER() };
		size_t size = 0;
		char *text = renderer->extension ? render(&golden, folder, &size) : NULL;
		if (renderer->extension && (!text || (!size && strcmp(renderer->name, "collapsed") != 0))) {
			printf("%s of %s is empty\n", renderer->name, golden.profile);
			good = false;
		}
		free(text);
	}
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
	failures += !export_all(argv[1]);
	printf("%zu goldens, %d wrong\n", sizeof(goldens) / sizeof(goldens[0]), failures);
	return failures ? 1 : 0;
}
