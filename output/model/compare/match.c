#include "output/model/compare/match.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "output/model/compare/files.h"

enum { SCAN_MAX = 20000 }; /* lines above a line that are searched for its like */

/* How the lines of a function are matched. */
enum line_rule {
	BY_NUMBER, /* the files are the same */
	BY_TEXT,   /* every input's text is known */
	BY_OFFSET, /* from the definition: it is not */
};

struct matcher {
	const struct plait_compare_input *inputs;
	size_t base_count, count;
	struct plait_match *match;
	struct plait_compare_files *files;
	struct plait_strtab *functions, *lines; /* keys: id - 1 is the index of the row */
	bool short_names;			/* an input has no qualified names */
	PLAIT_VEC(enum line_rule) rules;	/* by function */
};

static int side_of(const struct matcher *matcher, size_t input)
{
	return input < matcher->base_count ? PLAIT_COMPARE_BASE : PLAIT_COMPARE_NEW;
}

static const struct plait_label *label_at(const struct matcher *matcher, size_t input, uint32_t label)
{
	return &matcher->inputs[input].profile->labels.all.data[label];
}

/* Whether an input has Python functions, but none with a qualified name (CPython before 3.11). */
static bool lacks_qualnames(const struct plait_profile *profile)
{
	bool any = false;
	for (size_t i = 0; i < profile->codes.count; i++) {
		if (*profile->codes.data[i].qualname)
			return false;
		any = true;
	}
	return any;
}

static const char *name_for(const struct matcher *matcher, const struct plait_label *label)
{
	const char *dot = matcher->short_names && label->kind == PLAIT_LABEL_PYTHON ? strrchr(label->name, '.') : NULL;
	return dot && dot[1] ? dot + 1 : label->name;
}

static const char *place_for(const struct matcher *matcher, size_t input, const struct plait_label *label)
{
	return label->kind == PLAIT_LABEL_PYTHON
		       ? plait_compare_files_name(matcher->files, (uint32_t)input, label->file)
		       : label->package;
}

/* The index that the key gets, `count` when it is new; PLAIT_NONE: no memory. */
static uint32_t index_of(struct plait_strtab *keys, const char *key, size_t size)
{
	uint32_t id = plait_strtab_add(keys, key, size, NULL);
	return id == UINT32_MAX || id == 0 ? PLAIT_NONE : id - 1;
}

static struct plait_error *match_function(struct matcher *matcher, size_t input, uint32_t index)
{
	struct plait_match *match = matcher->match;
	const struct plait_label *label = label_at(matcher, input, index);
	const char *place = place_for(matcher, input, label);
	char *key PLAIT_FREE = NULL;
	int size = asprintf(&key, "%d\n%s\n%s", (int)label->kind, place, name_for(matcher, label));
	if (size < 0) {
		key = NULL;
		return plait_error_no_memory();
	}
	uint32_t row = index_of(matcher->functions, key, (size_t)size);
	if (row == PLAIT_NONE || (row == match->functions.count &&
				  (!plait_vec_push(&match->functions, (struct plait_match_row) { .function = row }) ||
				   !plait_vec_push(&matcher->rules, BY_NUMBER))))
		return plait_error_no_memory();
	struct plait_match_row *known = &match->functions.data[row];
	known->label = label;
	known->place = place;
	if (label->kind == PLAIT_LABEL_PYTHON && !known->lines[side_of(matcher, input)])
		known->lines[side_of(matcher, input)] = label->line > 0 ? label->line : 1;
	match->function_of[input][index] = row;
	return NULL;
}

static struct plait_error *match_functions(struct matcher *matcher)
{
	for (size_t i = 0; i < matcher->count; i++) {
		const struct plait_labels *labels = &matcher->inputs[i].profile->labels;
		uint32_t *function_of = matcher->match->function_of[i];
		for (uint32_t j = 0; j < labels->all.count; j++) {
			if (labels->all.data[j].function == j && labels->all.data[j].kind < PLAIT_LABEL_PROCESS)
				PLAIT_TRY(match_function(matcher, i, j));
		}
		for (uint32_t j = 0; j < labels->all.count; j++)
			function_of[j] = function_of[labels->all.data[j].function]; /* 0 for processes and threads */
	}
	return NULL;
}

static const struct plait_record_source *source_of(const struct plait_profile *profile, const char *file)
{
	for (size_t i = 0; i < profile->sources.count; i++) {
		if (strcmp(profile->sources.data[i].path, file) == 0)
			return &profile->sources.data[i];
	}
	return NULL;
}

static const char *line_text(const struct matcher *matcher, size_t input, const char *file, int32_t line)
{
	const struct plait_compare_input *from = &matcher->inputs[input];
	const char *text = from->line_text ? from->line_text(from->line_context, file, line) : NULL;
	return text ? text + strspn(text, " \t\f") : NULL;
}

/* Decides how the lines of each function are matched: from the files that its inputs had. */
static void choose_rules(struct matcher *matcher)
{
	struct plait_match *match = matcher->match;
	for (size_t i = 0; i < matcher->count; i++) {
		const struct plait_labels *labels = &matcher->inputs[i].profile->labels;
		for (uint32_t j = 0; j < labels->all.count; j++) {
			const struct plait_label *label = &labels->all.data[j];
			if (label->kind != PLAIT_LABEL_PYTHON || label->function != j)
				continue;
			enum line_rule *rule = &matcher->rules.data[match->function_of[i][j]];
			bool text = line_text(matcher, i, label->file, label->line > 0 ? label->line : 1) != NULL;
			*rule = *rule != BY_OFFSET && text ? BY_TEXT : BY_OFFSET;
		}
	}
}

/* The Python of a recording; "" when it has none. */
static const char *python_of(const struct plait_profile *profile)
{
	for (size_t i = 0; i < profile->processes.count; i++) {
		if (*profile->processes.data[i].record.python)
			return profile->processes.data[i].record.python;
	}
	return "";
}

/* What must be equal for a file to be the very same in two inputs; 0: not known. */
static uint64_t identity_of(const struct plait_profile *profile, const char *file)
{
	static const char frozen[] = "<frozen "; /* a part of the interpreter */
	if (strncmp(file, frozen, sizeof(frozen) - 1) == 0)
		return plait_hash_bytes(python_of(profile), strlen(python_of(profile))) | 1;
	const struct plait_record_source *source = source_of(profile, file);
	return source ? plait_hash_u64(source->hash ^ source->size) | 1 : 0;
}

/* Where all inputs had the very same file, numbers are right. */
static bool find_same_files(struct matcher *matcher)
{
	struct plait_match *match = matcher->match;
	uint64_t *identities PLAIT_FREE = calloc(match->functions.count + 1, sizeof(*identities));
	bool *differs PLAIT_FREE = calloc(match->functions.count + 1, sizeof(*differs));
	if (!identities || !differs)
		return false;
	for (size_t i = 0; i < matcher->count; i++) {
		const struct plait_labels *labels = &matcher->inputs[i].profile->labels;
		for (uint32_t j = 0; j < labels->all.count; j++) {
			const struct plait_label *label = &labels->all.data[j];
			if (label->kind != PLAIT_LABEL_PYTHON || label->function != j)
				continue;
			uint32_t row = match->function_of[i][j];
			uint64_t identity = identity_of(matcher->inputs[i].profile, label->file);
			differs[row] = differs[row] || !identity || (identities[row] && identities[row] != identity);
			identities[row] = identity;
		}
	}
	for (size_t i = 0; i < match->functions.count; i++) {
		if (identities[i] && !differs[i])
			matcher->rules.data[i] = BY_NUMBER;
	}
	return true;
}

/* "=TEXT", with the number of equal lines between the definition and it; NULL: no memory. */
static char *text_key(const struct matcher *matcher, size_t input, const struct plait_label *label, const char *text)
{
	int32_t first = label_at(matcher, input, label->function)->line, same = 0;
	char *wanted PLAIT_FREE = strdup(text);
	char *key;
	if (!wanted)
		return NULL;
	if (first < label->line - SCAN_MAX)
		first = label->line - SCAN_MAX;
	for (int32_t line = first > 0 ? first : 1; line < label->line; line++) {
		const char *other = line_text(matcher, input, label->file, line);
		same += other && strcmp(other, wanted) == 0;
	}
	return asprintf(&key, "=%" PRId32 " %s", same, wanted) < 0 ? NULL : key;
}

static char *offset_key(const struct matcher *matcher, size_t input, const struct plait_label *label)
{
	char *key;
	int64_t offset = (int64_t)label->line - label_at(matcher, input, label->function)->line;
	return asprintf(&key, "+%" PRId64, offset) < 0 ? NULL : key;
}

static struct plait_error *match_line(struct matcher *matcher, size_t input, uint32_t index)
{
	struct plait_match *match = matcher->match;
	const struct plait_label *label = label_at(matcher, input, index);
	uint32_t function = match->function_of[input][index];
	enum line_rule rule = matcher->rules.data[function];
	const char *text = line_text(matcher, input, label->file, label->line);
	uint32_t kept = text ? plait_strtab_add(match->strings, text, strlen(text), NULL) : 0;
	if (kept == UINT32_MAX)
		return plait_error_no_memory();
	text = text ? plait_strtab_get(match->strings, kept) : NULL;
	char *how PLAIT_FREE = rule == BY_TEXT && text && *text ? text_key(matcher, input, label, text)
								: offset_key(matcher, input, label);
	char *key PLAIT_FREE = NULL;
	int size = how ? asprintf(&key, "%" PRIu32 "\n%s", function, how) : -1;
	if (size < 0) {
		key = NULL;
		return plait_error_no_memory();
	}
	uint32_t row = index_of(matcher->lines, key, (size_t)size);
	if (row == PLAIT_NONE || (row == match->lines.count &&
				  !plait_vec_push(&match->lines, (struct plait_match_row) { .function = function })))
		return plait_error_no_memory();
	struct plait_match_row *known = &match->lines.data[row];
	known->label = label;
	known->place = match->functions.data[function].place;
	known->guessed = rule == BY_OFFSET;
	known->text = text && *text ? text : known->text;
	if (!known->lines[side_of(matcher, input)])
		known->lines[side_of(matcher, input)] = label->line;
	match->line_of[input][index] = row;
	return NULL;
}

static struct plait_error *match_lines(struct matcher *matcher)
{
	for (size_t i = 0; i < matcher->count; i++) {
		const struct plait_labels *labels = &matcher->inputs[i].profile->labels;
		for (uint32_t j = 0; j < labels->all.count; j++) {
			matcher->match->line_of[i][j] = PLAIT_NONE;
			if (labels->all.data[j].kind == PLAIT_LABEL_PYTHON)
				PLAIT_TRY(match_line(matcher, i, j));
		}
	}
	return NULL;
}

static struct plait_error *name_files(struct matcher *matcher)
{
	for (size_t i = 0; i < matcher->count; i++) {
		const struct plait_profile *profile = matcher->inputs[i].profile;
		for (size_t j = 0; j < profile->codes.count; j++) {
			if (!plait_compare_files_add(matcher->files, (uint32_t)i, profile->codes.data[j].filename))
				return plait_error_no_memory();
		}
		matcher->short_names = matcher->short_names || lacks_qualnames(profile);
	}
	return plait_compare_files_decide(matcher->files) ? NULL : plait_error_no_memory();
}

/* The tables from labels to rows. */
static bool allocate(struct matcher *matcher)
{
	struct plait_match *match = matcher->match;
	match->function_of = calloc(matcher->count, sizeof(*match->function_of));
	match->line_of = calloc(matcher->count, sizeof(*match->line_of));
	match->inputs = matcher->count;
	match->strings = plait_strtab_create();
	bool done = match->function_of && match->line_of && match->strings && matcher->files && matcher->functions &&
		    matcher->lines;
	for (size_t i = 0; done && i < matcher->count; i++) {
		size_t labels = matcher->inputs[i].profile->labels.all.count + 1;
		match->function_of[i] = calloc(labels, sizeof(**match->function_of));
		match->line_of[i] = calloc(labels, sizeof(**match->line_of));
		done = match->function_of[i] && match->line_of[i];
	}
	return done;
}

struct plait_error *plait_match_create(const struct plait_compare_input *inputs, size_t base_count, size_t count,
				       struct plait_match *ret)
{
	*ret = (struct plait_match) { 0 };
	struct matcher matcher = { .inputs = inputs, .base_count = base_count, .count = count, .match = ret };
	matcher.files = plait_compare_files_create();
	matcher.functions = plait_strtab_create();
	matcher.lines = plait_strtab_create();
	struct plait_error *error = allocate(&matcher) ? name_files(&matcher) : plait_error_no_memory();
	if (!error)
		error = match_functions(&matcher);
	if (!error) {
		choose_rules(&matcher);
		error = find_same_files(&matcher) ? match_lines(&matcher) : plait_error_no_memory();
	}
	plait_compare_files_destroy(matcher.files);
	plait_strtab_destroy(matcher.functions);
	plait_strtab_destroy(matcher.lines);
	plait_vec_free(&matcher.rules);
	return error;
}

void plait_match_release(struct plait_match *match)
{
	for (size_t i = 0; i < match->inputs; i++) {
		if (match->function_of)
			free(match->function_of[i]);
		if (match->line_of)
			free(match->line_of[i]);
	}
	free(match->function_of);
	free(match->line_of);
	plait_vec_free(&match->functions);
	plait_vec_free(&match->lines);
	plait_strtab_destroy(match->strings);
	*match = (struct plait_match) { 0 };
}
