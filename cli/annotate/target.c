#include "cli/annotate/target.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"
#include "common/cleanup.h"

enum { LISTED_MAX = 6 };

/* The names to choose from, for an error's advice: "a, b, c". */
struct choice {
	char *text;
	size_t count, size;
	FILE *file;
};

static bool choice_open(struct choice *choice)
{
	*choice = (struct choice) { 0 };
	return (choice->file = open_memstream(&choice->text, &choice->size)) != NULL;
}

static void choice_add(struct choice *choice, const char *before, const char *middle, const char *after)
{
	if (choice->count < LISTED_MAX)
		fprintf(choice->file, "%s%s%s%s", choice->count ? ", " : "", before, middle, after);
	choice->count++;
}

/* Ends the list; with an error that names what it holds. */
static struct plait_error *choice_refuse(struct choice *choice, const char *text, const char *what)
{
	fclose(choice->file);
	struct plait_error *error =
		plait_error_new(PLAIT_ERROR_USAGE, "'%s' is the name of %zu %s", text, choice->count, what);
	error = plait_error_advise(error, "choose one: %s%s", choice->text, choice->count > LISTED_MAX ? ", ..." : "");
	free(choice->text);
	return error;
}

static void choice_close(struct choice *choice)
{
	fclose(choice->file);
	free(choice->text);
}

/* ---- Python ---- */

static bool is_file(const char *path, const char *wanted)
{
	size_t length = strlen(path), size = strlen(wanted);
	if (size > length || strcmp(path + length - size, wanted) != 0)
		return false;
	return size == length || wanted[0] == '/' || path[length - size - 1] == '/';
}

/* The one recorded Python file that `wanted` names; `*ret` NULL: none. */
static struct plait_error *find_file(const struct plait_profile *profile, const char *wanted, const char **ret)
{
	struct choice choice;
	*ret = NULL;
	if (!*wanted)
		return NULL;
	if (!choice_open(&choice))
		return plait_error_no_memory();
	for (size_t i = 0; i < profile->codes.count; i++) {
		const char *path = profile->codes.data[i].filename;
		bool again = false;
		if (strcmp(path, wanted) == 0) {
			*ret = path;
			choice_close(&choice);
			return NULL;
		}
		for (size_t k = 0; k < i && !again; k++)
			again = profile->codes.data[k].filename == path; /* strings are interned */
		if (again || !is_file(path, wanted))
			continue;
		*ret = path;
		choice_add(&choice, path, "", "");
	}
	if (choice.count > 1)
		return choice_refuse(&choice, wanted, "files");
	choice_close(&choice);
	return NULL;
}

static bool is_called(const struct plait_record_code *code, const char *name)
{
	return strcmp(code->name, name) == 0 || strcmp(code->qualname, name) == 0;
}

static struct plait_error *set_function(struct plait_annotate_target *ret, const char *file, const char *name)
{
	ret->is_python = true;
	ret->query.file = file;
	ret->query.function = ret->function = strdup(name);
	return ret->function ? NULL : plait_error_no_memory();
}

static struct plait_error *no_function(const struct plait_profile *profile, const char *file, const char *name)
{
	PLAIT_VEC(const char *) names = { 0 };
	bool kept = true;
	for (size_t i = 0; i < profile->codes.count && kept; i++)
		kept = strcmp(profile->codes.data[i].filename, file) != 0 ||
		       plait_vec_push(&names, profile->codes.data[i].qualname);
	struct plait_error *error =
		plait_error_new(PLAIT_ERROR_USAGE, "no sample was in a function '%s' of %s", name, file);
	const char *nearest = kept && plait_vec_push(&names, NULL) ? plait_nearest_name(name, names.data) : NULL;
	if (nearest)
		error = plait_error_advise(error, "did you mean %s?", nearest);
	else
		error = plait_error_advise(error, "a line is named by its number: file.py:41");
	plait_vec_free(&names);
	return error;
}

/* "file.py", "file.py:41", "file.py:function"; `*ret_found` false: no such file was sampled. */
static struct plait_error *find_python_place(const struct plait_profile *profile, const char *text,
					     struct plait_annotate_target *ret, bool *ret_found)
{
	const char *file;
	PLAIT_TRY(find_file(profile, text, &file));
	*ret_found = file != NULL;
	if (file) {
		ret->is_python = true;
		ret->query.file = file;
		return NULL;
	}
	const char *colon = strrchr(text, ':');
	char *left PLAIT_FREE = colon ? strndup(text, (size_t)(colon - text)) : NULL;
	if (!left)
		return colon ? plait_error_no_memory() : NULL;
	PLAIT_TRY(find_file(profile, left, &file));
	if (!file)
		return NULL;
	*ret_found = true;
	const char *rest = colon + 1;
	if (*rest && rest[strspn(rest, "0123456789")] == '\0') {
		long line = strtol(rest, NULL, 10);
		if (line < 1 || line > INT32_MAX)
			return plait_error_new(PLAIT_ERROR_USAGE, "there is no line %s", rest);
		ret->is_python = true;
		ret->query.file = file;
		ret->query.line = (int32_t)line;
		return NULL;
	}
	for (size_t i = 0; i < profile->codes.count; i++) {
		const struct plait_record_code *code = &profile->codes.data[i];
		if (strcmp(code->filename, file) == 0 && is_called(code, rest))
			return set_function(ret, file, rest);
	}
	return no_function(profile, file, rest);
}

static struct plait_error *find_python_function(const struct plait_profile *profile, const char *text,
						struct plait_annotate_target *ret, bool *ret_found)
{
	struct choice choice;
	const char *file = NULL;
	if (!choice_open(&choice))
		return plait_error_no_memory();
	for (size_t i = 0; i < profile->codes.count; i++) {
		const struct plait_record_code *code = &profile->codes.data[i];
		bool again = false;
		for (size_t k = 0; k < i && !again; k++)
			again = profile->codes.data[k].filename == code->filename &&
				is_called(&profile->codes.data[k], text);
		if (again || !is_called(code, text))
			continue;
		file = code->filename;
		choice_add(&choice, file, ":", text);
	}
	*ret_found = choice.count > 0;
	if (choice.count > 1)
		return choice_refuse(&choice, text, "Python functions");
	choice_close(&choice);
	return file ? set_function(ret, file, text) : NULL;
}

/* ---- native ---- */

/* "name", or "name(arguments)" of C++. */
static bool is_symbol(const char *known, const char *wanted, size_t size)
{
	return size && strncmp(known, wanted, size) == 0 && (!known[size] || known[size] == '(');
}

static bool is_module(const char *path, const char *wanted)
{
	char package[64];
	plait_label_package(path, package, sizeof(package));
	return strcmp(path, wanted) == 0 || strcmp(basename(path), wanted) == 0 || strcmp(package, wanted) == 0;
}

struct wanted {
	const char *text, *module; /* module NULL: any */
	size_t size;		   /* of the symbol's name in `text` */
	bool is_address;
	uint64_t address;
};

static bool is_wanted(const struct plait_profile *profile, const struct plait_profile_frame *frame,
		      const struct wanted *wanted)
{
	if (frame->record.kind != PLAIT_FRAME_NATIVE || frame->record.module == PLAIT_NONE || !frame->size)
		return false;
	if (wanted->module && !is_module(profile->modules.data[frame->record.module].path, wanted->module))
		return false;
	if (wanted->is_address)
		return wanted->address >= frame->start && wanted->address - frame->start < frame->size;
	return is_symbol(plait_profile_function_of(profile, frame), wanted->text, wanted->size);
}

static bool is_same_function(const struct plait_profile_frame *a, const struct plait_profile_frame *b)
{
	return a->record.module == b->record.module && a->start == b->start;
}

static struct plait_error *find_native(const struct plait_profile *profile, const struct wanted *wanted,
				       struct plait_annotate_target *ret, bool *ret_found)
{
	PLAIT_VEC(uint32_t) found = { 0 };
	bool kept = true, one_module = true;
	for (uint32_t i = 0; i < profile->frames.count && kept; i++) {
		bool again = !is_wanted(profile, &profile->frames.data[i], wanted);
		for (size_t k = 0; k < found.count && !again; k++)
			again = is_same_function(&profile->frames.data[found.data[k]], &profile->frames.data[i]);
		if (!again)
			kept = plait_vec_push(&found, i);
	}
	*ret_found = found.count > 0;
	if (found.count)
		ret->frame = found.data[0];
	struct plait_error *error = kept ? NULL : plait_error_no_memory();
	struct choice choice;
	if (!error && found.count > 1 && !choice_open(&choice)) {
		error = plait_error_no_memory();
	} else if (!error && found.count > 1) {
		for (size_t i = 1; i < found.count; i++)
			one_module = one_module && profile->frames.data[found.data[i]].record.module ==
							   profile->frames.data[found.data[0]].record.module;
		for (size_t i = 0; i < found.count; i++) {
			const struct plait_profile_frame *frame = &profile->frames.data[found.data[i]];
			char address[32];
			snprintf(address, sizeof(address), "0x%" PRIx64, frame->start);
			choice_add(&choice, one_module ? address : plait_profile_function_of(profile, frame), "@",
				   basename(profile->modules.data[frame->record.module].path));
		}
		error = choice_refuse(&choice, wanted->text, "native functions");
	}
	plait_vec_free(&found);
	return error;
}

/* "name", "name@module", "0x1234@module". */
static struct plait_error *find_symbol(const struct plait_profile *profile, const char *text,
				       struct plait_annotate_target *ret, bool *ret_found)
{
	struct wanted wanted = { .text = text, .size = strlen(text) };
	PLAIT_TRY(find_native(profile, &wanted, ret, ret_found));
	const char *at = strrchr(text, '@');
	if (*ret_found || !at)
		return NULL;
	char *end;
	wanted.size = (size_t)(at - text);
	wanted.module = at + 1;
	wanted.address = strtoull(text, &end, 16);
	wanted.is_address = end == at && strncmp(text, "0x", 2) == 0;
	return find_native(profile, &wanted, ret, ret_found);
}

/* ---- neither ---- */

static struct plait_error *refuse_code_without_file(const struct plait_profile *profile, const char *text)
{
	for (size_t i = 0; i < profile->frames.count; i++) {
		const struct plait_profile_frame *frame = &profile->frames.data[i];
		if (!is_symbol(plait_profile_function_of(profile, frame), text, strlen(text)))
			continue;
		if (frame->record.kind == PLAIT_FRAME_KERNEL)
			return plait_error_new(PLAIT_ERROR_UNSUPPORTED,
					       "'%s' is code of the kernel, which plait cannot annotate", text);
		if (frame->record.module == PLAIT_NONE)
			return plait_error_new(PLAIT_ERROR_UNSUPPORTED,
					       "'%s' was made at run time (JIT): its code is in no file", text);
		return plait_error_new(PLAIT_ERROR_UNSUPPORTED, "where the function '%s' begins and ends is not known",
				       text);
	}
	return NULL;
}

static struct plait_error *refuse(const struct plait_profile *profile, const char *text)
{
	PLAIT_TRY(refuse_code_without_file(profile, text));
	PLAIT_VEC(const char *) names = { 0 };
	bool kept = true;
	for (size_t i = 0; i < profile->codes.count && kept; i++)
		kept = plait_vec_push(&names, profile->codes.data[i].qualname) &&
		       plait_vec_push(&names, basename(profile->codes.data[i].filename));
	for (size_t i = 0; i < profile->frames.count && kept; i++) {
		const char *name = plait_profile_function_of(profile, &profile->frames.data[i]);
		kept = !*name || plait_vec_push(&names, name);
	}
	struct plait_error *error = plait_error_new(
		PLAIT_ERROR_USAGE, "nothing called '%s' was sampled: no Python file or function, no symbol", text);
	const char *nearest = kept && plait_vec_push(&names, NULL) ? plait_nearest_name(text, names.data) : NULL;
	if (nearest)
		error = plait_error_advise(error, "did you mean %s?", nearest);
	else
		error = plait_error_advise(error, "plait report --flat lists what was");
	plait_vec_free(&names);
	return error;
}

struct plait_error *plait_annotate_target_find(const struct plait_profile *profile, const char *text,
					       struct plait_annotate_target *ret)
{
	bool found = false;
	*ret = (struct plait_annotate_target) { .frame = PLAIT_NONE };
	PLAIT_TRY(find_python_place(profile, text, ret, &found));
	if (!found)
		PLAIT_TRY(find_symbol(profile, text, ret, &found));
	if (!found)
		PLAIT_TRY(find_python_function(profile, text, ret, &found));
	return found ? NULL : refuse(profile, text);
}

void plait_annotate_target_release(struct plait_annotate_target *target)
{
	free(target->function);
	target->function = NULL;
}
