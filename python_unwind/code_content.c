#include "python_unwind/code_content.h"

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "python_unwind/unicode.h"
#include "python_unwind/walk_state.h"

/* Most that is believed of a live object: far more than any real name or table. */
#define TEXT_MAX (64u << 10)
#define TABLE_MAX (16u << 20)

/* ---- the copy ---- */

static struct plait_error *text_from_copy(const struct plait_wire_string *wire, struct plait_code_text *ret)
{
	size_t size = wire->size <= PLAIT_WIRE_STRING_MAX ? wire->size : PLAIT_WIRE_STRING_MAX;
	bool known = wire->kind == 1 || wire->kind == 2 || wire->kind == 4;
	uint64_t total = (uint64_t)wire->length * wire->kind;

	if (!known)
		size = 0;
	if (size > total)
		size = (size_t)total;
	ret->utf8 = plait_unicode_to_utf8(wire->text, size, known ? wire->kind : 1, &ret->size);
	ret->whole = known && size == total;
	return ret->utf8 ? NULL : plait_error_no_memory();
}

static struct plait_error *table_from_copy(const struct plait_wire_code *wire, struct plait_code_content *ret)
{
	size_t size = wire->table_size <= PLAIT_WIRE_TABLE_MAX ? wire->table_size : PLAIT_WIRE_TABLE_MAX;

	if (size > wire->table_total)
		size = wire->table_total;
	ret->table = malloc(size ? size : 1);
	if (!ret->table)
		return plait_error_no_memory();
	memcpy(ret->table, wire->table, size);
	ret->table_size = size;
	ret->table_whole = size == wire->table_total;
	return NULL;
}

/* ---- the live object ---- */

struct live {
	const struct plait_walk_plan *plan;
	const struct plait_memory *memory;
	uint64_t code[PLAIT_WALK_WORDS]; /* the head of the code object */
};

/* Reads the code object's head; false unless it is still the object of the copy. */
static bool read_head(struct live *live, const struct plait_wire_code *wire)
{
	memset(live->code, 0, sizeof(live->code));
	return live->plan->code_size <= sizeof(live->code) &&
	       plait_memory_read(live->memory, wire->code, live->code, live->plan->code_size) &&
	       plait_walk_fingerprint(live->plan, live->code) == wire->fingerprint;
}

/* Reads `size` bytes into new memory; NULL when they are not there. */
static uint8_t *read_block(const struct live *live, uint64_t address, size_t size)
{
	uint8_t *block PLAIT_FREE = malloc(size ? size : 1);

	if (!block || !plait_memory_read(live->memory, address, block, size))
		return NULL;
	return PLAIT_TAKE(block);
}

/* Reads the str whose pointer the code object has at `offset`. False: not a str that can be read. */
static bool read_text(const struct live *live, uint16_t offset, struct plait_code_text *ret)
{
	const struct plait_walk_plan *plan = live->plan;
	uint64_t object = plait_walk_u64(live->code, offset), length;
	uint32_t state;

	if (!object || !plait_memory_u64(live->memory, object + plan->unicode_length, &length) ||
	    !plait_memory_read(live->memory, object + plan->unicode_state, &state, sizeof(state)))
		return false;
	unsigned kind = state >> plan->unicode_kind_shift & 7;
	bool compact = state >> plan->unicode_compact_shift & 1, ascii = state >> plan->unicode_ascii_shift & 1;
	if ((kind != 1 && kind != 2 && kind != 4) || !compact || length > TEXT_MAX)
		return false;
	uint64_t data = object + (ascii ? plan->unicode_ascii_data : plan->unicode_compact_data);
	uint8_t *text PLAIT_FREE = read_block(live, data, (size_t)length * kind);
	ret->utf8 = text ? plait_unicode_to_utf8(text, (size_t)length * kind, kind, &ret->size) : NULL;
	ret->whole = ret->utf8;
	return ret->whole;
}

static bool read_table(const struct live *live, struct plait_code_content *ret)
{
	uint64_t object = plait_walk_u64(live->code, live->plan->code_linetable), size;

	if (!object || !plait_memory_u64(live->memory, object + live->plan->bytes_size, &size) || size > TABLE_MAX)
		return false;
	ret->table = read_block(live, object + live->plan->bytes_data, (size_t)size);
	ret->table_size = (size_t)size;
	ret->table_whole = ret->table;
	return ret->table_whole;
}

/* Replaces what is not whole in `content` by what the process has now, if it is the same object before and after. */
static void complete(const struct plait_walk_plan *plan, const struct plait_wire_code *wire,
		     const struct plait_memory *memory, struct plait_code_content *content)
{
	struct live live = { .plan = plan, .memory = memory };
	struct plait_code_content fresh = { 0 };
	const uint16_t offsets[PLAIT_CODE_TEXTS] = {
		[PLAIT_CODE_NAME] = plan->code_name,
		[PLAIT_CODE_QUALNAME] = plan->code_qualname,
		[PLAIT_CODE_FILENAME] = plan->code_filename,
	};

	if (!read_head(&live, wire))
		return;
	for (int i = 0; i < PLAIT_CODE_TEXTS; i++)
		if (!content->texts[i].whole && offsets[i] != PLAIT_NO_OFFSET)
			(void)read_text(&live, offsets[i], &fresh.texts[i]);
	if (!content->table_whole)
		(void)read_table(&live, &fresh);
	if (read_head(&live, wire)) {
		content->first_line = (int32_t)plait_walk_u32(live.code, plan->code_first_line);
		for (int i = 0; i < PLAIT_CODE_TEXTS; i++) {
			if (fresh.texts[i].whole) {
				free(content->texts[i].utf8);
				content->texts[i] = fresh.texts[i];
				fresh.texts[i].utf8 = NULL;
			}
		}
		if (fresh.table_whole) {
			free(content->table);
			content->table = PLAIT_TAKE(fresh.table);
			content->table_size = fresh.table_size;
			content->table_whole = true;
		}
	}
	plait_code_content_release(&fresh);
}

/* ---- both ---- */

/* Before 3.11 there is no qualified name: the name stands in for it. */
static struct plait_error *default_qualname(struct plait_code_content *content)
{
	struct plait_code_text *name = &content->texts[PLAIT_CODE_NAME];
	struct plait_code_text *qualname = &content->texts[PLAIT_CODE_QUALNAME];
	char *copy = strdup(name->utf8);

	if (!copy)
		return plait_error_no_memory();
	free(qualname->utf8);
	*qualname = (struct plait_code_text) { .utf8 = copy, .size = name->size, .whole = name->whole };
	return NULL;
}

struct plait_error *plait_code_content_read(const struct plait_walk_plan *plan, const struct plait_wire_code *wire,
					    const struct plait_memory *memory, struct plait_code_content *ret)
{
	*ret = (struct plait_code_content) { .first_line = wire->first_line };
	PLAIT_TRY(text_from_copy(&wire->name, &ret->texts[PLAIT_CODE_NAME]));
	PLAIT_TRY(text_from_copy(&wire->qualname, &ret->texts[PLAIT_CODE_QUALNAME]));
	PLAIT_TRY(text_from_copy(&wire->filename, &ret->texts[PLAIT_CODE_FILENAME]));
	PLAIT_TRY(table_from_copy(wire, ret));
	bool has_qualname = plan->code_qualname != PLAIT_NO_OFFSET;
	if (!has_qualname)
		ret->texts[PLAIT_CODE_QUALNAME].whole = true;
	if (memory && !plait_code_content_is_whole(ret))
		complete(plan, wire, memory, ret);
	/* A name without its qualification is better than none. */
	if (!has_qualname || !ret->texts[PLAIT_CODE_QUALNAME].size) {
		bool whole = ret->texts[PLAIT_CODE_QUALNAME].whole;
		PLAIT_TRY(default_qualname(ret));
		ret->texts[PLAIT_CODE_QUALNAME].whole &= whole;
	}
	return NULL;
}

bool plait_code_content_is_whole(const struct plait_code_content *content)
{
	for (int i = 0; i < PLAIT_CODE_TEXTS; i++)
		if (!content->texts[i].whole)
			return false;
	return content->table_whole;
}

void plait_code_content_release(struct plait_code_content *content)
{
	for (int i = 0; i < PLAIT_CODE_TEXTS; i++)
		free(content->texts[i].utf8);
	free(content->table);
	*content = (struct plait_code_content) { 0 };
}
