#include "output/model/label.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "output/model/profile.h"
#include "output/model/utf8.h"

const char *plait_label_base(const char *path, size_t *ret_size)
{
	static const char deleted[] = " (deleted)"; /* as /proc/PID/maps names a file that is gone */
	const char *slash = strrchr(path, '/');
	const char *base = slash && slash[1] ? slash + 1 : path;
	size_t size = strlen(base);
	if (size > sizeof(deleted) - 1 && strcmp(base + size - (sizeof(deleted) - 1), deleted) == 0)
		size -= sizeof(deleted) - 1;
	if (size > 2 && base[0] == '[' && base[size - 1] == ']') {
		base++;
		size -= 2;
	}
	*ret_size = size;
	return base;
}

/* Length of `base` without the "-0cf96a72" that auditwheel puts behind the name of a vendored library. */
static size_t without_hash(const char *base, size_t size)
{
	for (size_t i = 1; i + 9 <= size; i++) {
		if (base[i] != '-' || (i + 9 < size && isalnum((unsigned char)base[i + 9])))
			continue;
		size_t digits = 0;
		while (digits < 8 && isxdigit((unsigned char)base[i + 1 + digits]))
			digits++;
		if (digits == 8)
			return i;
	}
	return size;
}

/* The package of a wheel's own extension, "/usr/lib/python3/dist-packages/numpy/core/x.so": "numpy". NULL: none. */
static const char *wheel_package(const char *path, size_t *ret_size)
{
	const char *packages = strstr(path, "-packages/");
	if (!packages)
		return NULL;
	const char *name = packages + strlen("-packages/");
	const char *slash = strchr(name, '/');
	size_t size = slash ? (size_t)(slash - name) : 0;
	if (!size || (size > 5 && strncmp(slash - 5, ".libs", 5) == 0))
		return NULL;
	*ret_size = size;
	return name;
}

void plait_label_package(const char *path, char *ret, size_t size)
{
	size_t length;
	const char *name = wheel_package(path, &length);
	if (!name) {
		name = plait_label_base(path, &length);
		const char *end = memmem(name, length, ".so", 3);
		if (end && end > name)
			length = (size_t)(end - name);
		end = memmem(name, length, ".cpython-", 9);
		if (!end)
			end = memmem(name, length, ".abi3", 5);
		if (end && end > name)
			length = (size_t)(end - name);
		length = without_hash(name, length);
	}
	if (length >= size)
		length = size - 1;
	memcpy(ret, name, length);
	ret[length] = '\0';
}

/* `text` for one frame of a collapsed stack: ';' separates frames there, controls could break the line. */
static void put_clean(FILE *out, const char *text)
{
	while (*text) {
		uint32_t point;
		size_t length = plait_utf8_decode(text, &point);
		if (!length || plait_utf8_is_control(point))
			fputc('?', out);
		else if (point == ';')
			fputc(':', out);
		else
			fwrite(text, 1, length, out);
		text += length ? length : 1;
	}
}

static void put_text(FILE *out, const struct plait_label *label)
{
	put_clean(out, label->name);
	if (label->kind == PLAIT_LABEL_PYTHON) {
		fputs(" (", out);
		put_clean(out, label->file);
		fprintf(out, ":%" PRId32 ")", label->line);
	} else if (label->kind == PLAIT_LABEL_NATIVE || label->kind == PLAIT_LABEL_KERNEL) {
		fputs(" [", out);
		put_clean(out, label->module);
		fputc(']', out);
	}
}

static const char *keep(struct plait_profile *profile, const char *text, size_t size)
{
	return plait_strtab_get(profile->strings, plait_strtab_add(profile->strings, text, size, NULL));
}

/* The id of the label like `wanted` (its `text` and `function` are ignored), PLAIT_NONE without memory. */
static uint32_t intern(struct plait_profile *profile, const struct plait_label *wanted)
{
	char *text PLAIT_FREE = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return PLAIT_NONE;
	put_text(out, wanted);
	if (fclose(out) != 0)
		return PLAIT_NONE;
	uint32_t text_id = plait_strtab_add(profile->strings, text, size, NULL);
	if (text_id == UINT32_MAX)
		return PLAIT_NONE;
	uint64_t key = (uint64_t)text_id << 8 | wanted->kind;
	uint64_t *known = plait_map_get(&profile->labels.by_text, key);
	if (known)
		return (uint32_t)*known;
	uint32_t id = (uint32_t)profile->labels.all.count;
	struct plait_label label = *wanted;
	label.text = plait_strtab_get(profile->strings, text_id);
	label.function = id;
	if (!plait_vec_push(&profile->labels.all, label) || !plait_map_put(&profile->labels.by_text, key, id))
		return PLAIT_NONE;
	return id;
}

/* A label, and the one of its function behind it. */
static uint32_t intern_part(struct plait_profile *profile, const struct plait_label *part,
			    const struct plait_label *function)
{
	size_t before = profile->labels.all.count;
	uint32_t id = intern(profile, part);
	if (id == PLAIT_NONE || id < before)
		return id;
	uint32_t whole = intern(profile, function);
	if (whole == PLAIT_NONE)
		return PLAIT_NONE;
	profile->labels.all.data[id].function = whole;
	return id;
}

static uint32_t python_label(struct plait_profile *profile, const struct plait_record_frame *frame)
{
	const struct plait_record_code *code = &profile->codes.data[frame->code];
	const char *name = *code->qualname ? code->qualname : code->name;
	struct plait_label label = {
		.kind = PLAIT_LABEL_PYTHON,
		.name = *name ? name : "?",
		.file = code->filename,
		.module = "",
		.package = "",
		.line = frame->line,
		.unresolved = !*name,
		.machinery = plait_label_is_import(code->filename),
	};
	struct plait_label function = label;
	function.line = code->first_line;
	return intern_part(profile, &label, &function);
}

/* The module's names in `label`. False: no memory. */
static bool set_module(struct plait_profile *profile, const struct plait_record_frame *frame, struct plait_label *label)
{
	if (label->kind == PLAIT_LABEL_KERNEL || frame->module == PLAIT_NONE) {
		label->module = label->package = label->kind == PLAIT_LABEL_KERNEL ? "kernel" : "jit";
		return true;
	}
	const char *path = profile->modules.data[frame->module].path;
	size_t size;
	const char *base = plait_label_base(path, &size);
	char package[128];
	plait_label_package(path, package, sizeof(package));
	label->module = keep(profile, base, size);
	label->package = keep(profile, package, strlen(package));
	return label->module && label->package;
}

static uint32_t unnamed_label(struct plait_profile *profile, const struct plait_record_frame *frame,
			      const struct plait_label *base)
{
	char address[24];
	int size = snprintf(address, sizeof(address), "0x%" PRIx64, frame->address);
	struct plait_label label = *base;
	label.name = keep(profile, address, (size_t)size);
	label.unresolved = true;
	label.machinery = base->kind == PLAIT_LABEL_NATIVE && plait_label_is_python_module(base->module);
	struct plait_label function = label;
	function.name = "[unknown]";
	return label.name ? intern_part(profile, &label, &function) : PLAIT_NONE;
}

static struct plait_error *add_frame_label(struct plait_profile *profile, struct plait_profile_frame *frame,
					   uint32_t label)
{
	if (label == PLAIT_NONE || !plait_vec_push(&profile->frame_labels, label))
		return plait_error_no_memory();
	frame->label_count++;
	return NULL;
}

/* Labels of a NATIVE or KERNEL frame: one for each function that has a name. */
static struct plait_error *add_native_labels(struct plait_profile *profile, struct plait_profile_frame *frame)
{
	struct plait_label base = {
		.kind = frame->record.kind == PLAIT_FRAME_KERNEL ? PLAIT_LABEL_KERNEL : PLAIT_LABEL_NATIVE,
		.file = "",
	};
	if (!set_module(profile, &frame->record, &base))
		return plait_error_no_memory();
	for (uint32_t i = 0; i < frame->function_count; i++) {
		const struct plait_profile_function *function = &profile->functions.data[frame->functions + i];
		if (!*function->name)
			continue;
		struct plait_label label = base;
		label.name = function->name;
		label.file = function->file;
		label.line = function->line > INT32_MAX ? 0 : (int32_t)function->line;
		label.machinery = base.kind == PLAIT_LABEL_NATIVE && plait_label_is_machinery(label.name, label.module);
		PLAIT_TRY(add_frame_label(profile, frame, intern(profile, &label)));
	}
	if (!frame->label_count)
		PLAIT_TRY(add_frame_label(profile, frame, unnamed_label(profile, &frame->record, &base)));
	return NULL;
}

static uint32_t plain_label(struct plait_profile *profile, enum plait_label_kind kind, const char *name)
{
	struct plait_label label = { .kind = kind, .name = name, .file = "", .module = "", .package = "" };
	return name ? intern(profile, &label) : PLAIT_NONE;
}

static struct plait_error *add_frame_labels(struct plait_profile *profile, struct plait_profile_frame *frame)
{
	frame->labels = (uint32_t)profile->frame_labels.count;
	switch (frame->record.kind) {
	case PLAIT_FRAME_NATIVE:
	case PLAIT_FRAME_KERNEL:
		return add_native_labels(profile, frame);
	case PLAIT_FRAME_PYTHON:
		return add_frame_label(profile, frame, python_label(profile, &frame->record));
	case PLAIT_FRAME_GAP:
		return add_frame_label(profile, frame, plain_label(profile, PLAIT_LABEL_MARKER, "[gap]"));
	case PLAIT_FRAME_TRUNCATED:
		return add_frame_label(profile, frame, plain_label(profile, PLAIT_LABEL_MARKER, "[truncated]"));
	case PLAIT_FRAME_UNMERGED:
		return add_frame_label(profile, frame, plain_label(profile, PLAIT_LABEL_MARKER, "[unmerged]"));
	}
	return plait_error_new(PLAIT_ERROR_INVALID, "a frame of unknown kind");
}

/* "name:number", the label of a process or thread. */
static uint32_t numbered_label(struct plait_profile *profile, enum plait_label_kind kind, const char *name,
			       uint32_t number)
{
	char *text PLAIT_FREE = NULL;
	if (asprintf(&text, "%s:%" PRIu32, name, number) < 0) {
		text = NULL;
		return PLAIT_NONE;
	}
	return plain_label(profile, kind, keep(profile, text, strlen(text)));
}

struct plait_error *plait_labels_build(struct plait_profile *profile)
{
	profile->label_no_stack = plain_label(profile, PLAIT_LABEL_MARKER, "[no stack]");
	profile->label_hidden = plain_label(profile, PLAIT_LABEL_MARKER, "[hidden]");
	if (profile->label_no_stack == PLAIT_NONE || profile->label_hidden == PLAIT_NONE)
		return plait_error_no_memory();
	for (size_t i = 0; i < profile->frames.count; i++)
		PLAIT_TRY(add_frame_labels(profile, &profile->frames.data[i]));
	for (size_t i = 0; i < profile->processes.count; i++) {
		struct plait_profile_process *process = &profile->processes.data[i];
		process->label =
			numbered_label(profile, PLAIT_LABEL_PROCESS, process->record.name, process->record.pid);
		if (process->label == PLAIT_NONE)
			return plait_error_no_memory();
	}
	for (size_t i = 0; i < profile->threads.count; i++) {
		struct plait_profile_thread *thread = &profile->threads.data[i];
		thread->label = numbered_label(profile, PLAIT_LABEL_THREAD, thread->record.name, thread->record.tid);
		if (thread->label == PLAIT_NONE)
			return plait_error_no_memory();
	}
	return NULL;
}
