/*
 * Sources: Include/cpython/code.h, frameobject.h and Include/internal/pycore_frame.h (where locals lie),
 * Include/cpython/longintrepr.h (ints: until 3.11 ob_size has the sign, from 3.12 on lv_tag has sign and number of
 * digits), Include/internal/pycore_stackref.h (3.14 and later: the low two bits of a local are a tag; 3 is an int in
 * the word itself), all of CPython.
 */
#include "python_unwind/outside/locals.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "python_unwind/binary.h"
#include "python_unwind/unicode.h"

enum {
	DIGIT_BITS = 30, /* PYLONG_BITS_IN_DIGIT */
	TEXT_MAX = 40,	 /* code points of a str that are shown */
	TYPE_SIZE = 64,
	CELLS_MAX = 3, /* cells in cells that are looked through */
};

struct view {
	const struct plait_python_binary *binary;
	const struct plait_memory *memory;
};

static uint32_t field(const struct view *view, enum plait_layout_field which)
{
	return view->binary->fields[which];
}

/* Where an object's own fields begin: behind ob_type. */
static uint64_t body_of(const struct view *view, uint64_t object)
{
	return object + field(view, PLAIT_FIELD_object_type) + 8;
}

static bool read_word(const struct view *view, uint64_t address, uint64_t *ret)
{
	return plait_memory_u64(view->memory, address, ret);
}

/* The name of the object's type; false when this is no object. */
static bool read_type(const struct view *view, uint64_t object, char ret[static TYPE_SIZE])
{
	uint64_t type, name;
	if ((object & 7) || !read_word(view, object + field(view, PLAIT_FIELD_object_type), &type) || (type & 7) ||
	    !read_word(view, type + field(view, PLAIT_FIELD_type_name), &name))
		return false;
	size_t size = 0;
	while (size < TYPE_SIZE - 1 && plait_memory_read(view->memory, name + size, ret + size, 1) && ret[size]) {
		if ((unsigned char)ret[size] < ' ' || (unsigned char)ret[size] > '~')
			return false;
		size++;
	}
	ret[size] = '\0';
	return size > 0;
}

/* A str as UTF-8, cut; false when it is broken. */
static bool read_text(const struct view *view, uint64_t object, char *ret, size_t size, bool *ret_cut)
{
	uint64_t length;
	uint32_t state;
	if (!read_word(view, object + field(view, PLAIT_FIELD_unicode_length), &length) ||
	    !plait_memory_read(view->memory, object + field(view, PLAIT_FIELD_unicode_state), &state, sizeof(state)))
		return false;
	uint32_t kind = state >> field(view, PLAIT_FIELD_unicode_kind_shift) & 7;
	bool ascii = state >> field(view, PLAIT_FIELD_unicode_ascii_shift) & 1;
	if (!(state >> field(view, PLAIT_FIELD_unicode_compact_shift) & 1) || (kind != 1 && kind != 2 && kind != 4))
		return false;
	uint8_t bytes[4 * TEXT_MAX];
	*ret_cut = length > TEXT_MAX;
	size_t count = *ret_cut ? TEXT_MAX : (size_t)length;
	uint64_t data = object + field(view, ascii ? PLAIT_FIELD_unicode_ascii_data : PLAIT_FIELD_unicode_compact_data);
	if (count && !plait_memory_read(view->memory, data, bytes, count * kind))
		return false;
	size_t written;
	char *utf8 = plait_unicode_to_utf8(bytes, count * kind, kind, &written);
	if (!utf8)
		return false;
	if (written >= size) { /* between two characters */
		for (written = size - 1; written && ((uint8_t)utf8[written] & 0xc0) == 0x80; written--)
			;
		*ret_cut = true;
	}
	memcpy(ret, utf8, written);
	ret[written] = '\0';
	free(utf8);
	return true;
}

/* An int of up to two digits exactly, larger ones by their size. */
static bool put_int(const struct view *view, uint64_t object, char *ret)
{
	uint64_t tag, digits[1];
	uint64_t body = body_of(view, object);
	if (!read_word(view, body, &tag))
		return false;
	bool tagged = view->binary->version >= 0x030c0000;
	int64_t signed_size = (int64_t)tag;
	uint64_t count = tagged ? tag >> 3 : (uint64_t)(signed_size < 0 ? -signed_size : signed_size);
	bool negative = tagged ? (tag & 3) == 2 : signed_size < 0;
	if (count > 2) {
		snprintf(ret, PLAIT_LOCAL_VALUE_SIZE, "<int of %" PRIu64 " bits>", count * DIGIT_BITS);
		return count < UINT32_MAX;
	}
	if (!read_word(view, body + 8, digits))
		return false;
	uint64_t value = 0;
	if (count > 0)
		value = digits[0] & ((1u << DIGIT_BITS) - 1);
	if (count > 1)
		value |= (digits[0] >> 32 & ((1u << DIGIT_BITS) - 1)) << DIGIT_BITS;
	snprintf(ret, PLAIT_LOCAL_VALUE_SIZE, "%s%" PRIu64, negative && value ? "-" : "", value);
	return true;
}

static bool put_float(const struct view *view, uint64_t object, char *ret)
{
	double value;
	if (!plait_memory_read(view->memory, body_of(view, object), &value, sizeof(value)))
		return false;
	snprintf(ret, PLAIT_LOCAL_VALUE_SIZE, "%.17g", value);
	char shorter[PLAIT_LOCAL_VALUE_SIZE];
	snprintf(shorter, sizeof(shorter), "%.15g", value);
	if (strtod(shorter, NULL) == value) /* NaN stays as it is */
		strcpy(ret, shorter);
	return true;
}

static bool put_bool(const struct view *view, uint64_t object, char *ret)
{
	char number[PLAIT_LOCAL_VALUE_SIZE];
	if (!put_int(view, object, number))
		return false;
	strcpy(ret, strcmp(number, "0") ? "True" : "False");
	return true;
}

static bool put_str(const struct view *view, uint64_t object, char *ret)
{
	bool cut;
	ret[0] = '\'';
	if (!read_text(view, object, ret + 1, PLAIT_LOCAL_VALUE_SIZE - 6, &cut))
		return false;
	strcat(ret, cut ? "'..." : "'");
	return true;
}

/* "<list of 3>": the length is the word at `offset` of the object's own fields. */
static bool put_sized(const struct view *view, uint64_t object, const char *type, uint64_t offset, char *ret)
{
	uint64_t count;
	if (!read_word(view, body_of(view, object) + offset, &count))
		return false;
	snprintf(ret, PLAIT_LOCAL_VALUE_SIZE, "<%s of %" PRIu64 ">", type, count);
	return count < UINT64_MAX / 2;
}

/* numpy's PyArrayObject_fields: data, nd (an int), dimensions. */
static bool put_array(const struct view *view, uint64_t object, char *ret)
{
	uint64_t body = body_of(view, object), dimensions, length;
	uint32_t count;
	if (!plait_memory_read(view->memory, body + 8, &count, sizeof(count)) || count > 32 ||
	    !read_word(view, body + 16, &dimensions))
		return false;
	int at = snprintf(ret, PLAIT_LOCAL_VALUE_SIZE, "<ndarray ");
	for (uint32_t i = 0; i < count && at < PLAIT_LOCAL_VALUE_SIZE - 24; i++) {
		if (!read_word(view, dimensions + 8 * (uint64_t)i, &length))
			return false;
		at += snprintf(ret + at, PLAIT_LOCAL_VALUE_SIZE - (size_t)at, "%s%" PRIu64, i ? "x" : "", length);
	}
	snprintf(ret + at, PLAIT_LOCAL_VALUE_SIZE - (size_t)at, ">");
	return true;
}

static bool put_value(const struct view *view, uint64_t object, int cells, char *ret);

static bool put_cell(const struct view *view, uint64_t object, int cells, char *ret)
{
	uint64_t content;
	if (!cells || !read_word(view, body_of(view, object), &content))
		return false;
	if (!content) {
		*ret = '\0'; /* has no value */
		return true;
	}
	return put_value(view, content, cells - 1, ret);
}

static bool put_value(const struct view *view, uint64_t object, int cells, char *ret)
{
	char type[TYPE_SIZE];
	if (!read_type(view, object, type))
		return false;
	if (!strcmp(type, "NoneType")) {
		strcpy(ret, "None");
		return true;
	}
	if (!strcmp(type, "int"))
		return put_int(view, object, ret);
	if (!strcmp(type, "bool"))
		return put_bool(view, object, ret);
	if (!strcmp(type, "float"))
		return put_float(view, object, ret);
	if (!strcmp(type, "str"))
		return put_str(view, object, ret);
	if (!strcmp(type, "cell"))
		return put_cell(view, object, cells, ret);
	if (!strcmp(type, "list") || !strcmp(type, "tuple") || !strcmp(type, "dict") || !strcmp(type, "bytes"))
		return put_sized(view, object, type, 0, ret);
	if (!strcmp(type, "set") || !strcmp(type, "frozenset"))
		return put_sized(view, object, type, 8, ret);
	if (!strcmp(type, "numpy.ndarray"))
		return put_array(view, object, ret);
	snprintf(ret, PLAIT_LOCAL_VALUE_SIZE, "<%s>", type);
	return true;
}

/* A local as it lies in the frame. False: it has no value. */
static bool put_local(const struct view *view, uint64_t word, char *ret)
{
	if (view->binary->version >= 0x030e0000) {
		if ((word & 3) == 3 && view->binary->version >= 0x030f0000) {
			snprintf(ret, PLAIT_LOCAL_VALUE_SIZE, "%" PRId64, (int64_t)word >> 2);
			return true;
		}
		word &= ~UINT64_C(3);
	}
	if (!word)
		return false;
	if (!put_value(view, word, CELLS_MAX, ret))
		strcpy(ret, "?");
	return *ret != '\0';
}

uint32_t plait_python_locals(const struct plait_python_binary *binary, const struct plait_memory *memory,
			     const struct plait_python_frame *frame, struct plait_python_local *ret)
{
	struct view view = { .binary = binary, .memory = memory };
	uint64_t names, count, name, word;
	uint32_t found = 0;
	if (field(&view, PLAIT_FIELD_frame_localsplus) == PLAIT_NO_OFFSET ||
	    !read_word(&view, frame->code + field(&view, PLAIT_FIELD_code_localsplusnames), &names) ||
	    !read_word(&view, body_of(&view, names), &count))
		return 0;
	for (uint64_t i = 0; i < count && i < 4 * PLAIT_LOCALS_MAX && found < PLAIT_LOCALS_MAX; i++) {
		struct plait_python_local *local = &ret[found];
		bool cut;
		if (!read_word(&view, names + field(&view, PLAIT_FIELD_tuple_items) + 8 * i, &name) ||
		    !read_word(&view, frame->address + field(&view, PLAIT_FIELD_frame_localsplus) + 8 * i, &word))
			break;
		if (read_text(&view, name, local->name, sizeof(local->name), &cut) &&
		    put_local(&view, word, local->value))
			found++;
	}
	return found;
}
