#include "symbolize/kallsyms.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/vec.h"
#include "symbolize/text_file.h"

struct entry {
	uint64_t start, end;
	const char *name;   /* into `text` */
	const char *module; /* into `text`, NULL: the kernel itself */
	bool global;
	bool is_end; /* a mark like _etext: no function starts here */
};

struct plait_kallsyms {
	char *text;			 /* the file; lines are cut into NUL-terminated words */
	PLAIT_VEC(struct entry) entries; /* ascending */
	char *reason;
};

/* Today's kernels have 10 to 20 MB. */
enum { LIST_MAX = 256 << 20 };

/* Marks of linker scripts that lie where code ends. */
static bool is_end_mark(const char *name)
{
	return strcmp(name, "_etext") == 0 || strcmp(name, "_einittext") == 0 ||
	       strcmp(name, "__noinstr_text_end") == 0;
}

static bool is_code(char type)
{
	return type == 't' || type == 'T' || type == 'w' || type == 'W';
}

/* Cuts one line, "address type name[\t[module]]", into words; false: not such a line, or not code. */
static bool parse_line(char *line, char *end, struct entry *ret)
{
	const char *at = line;
	uint64_t start;
	if (!plait_text_hex(&at, end, &start) || end - at < 4 || at[0] != ' ' || at[2] != ' ' || !is_code(at[1]))
		return false;
	char type = at[1], *name = line + (at + 3 - line);
	*end = 0;
	char *module = strchr(name, '\t');
	if (module) {
		*module++ = 0;
		char *close = strchr(module, ']');
		module = *module == '[' && close ? module + 1 : NULL;
		if (module)
			*close = 0;
	}
	if (*name == 0)
		return false;
	*ret = (struct entry) {
		.start = start,
		.name = name,
		.module = module,
		.global = type == 'T',
		.is_end = !module && is_end_mark(name),
	};
	return true;
}

static int compare_entries(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;
	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	if (a->is_end != b->is_end)
		return a->is_end ? 1 : -1;
	if (a->global != b->global)
		return a->global ? -1 : 1;
	size_t i = strspn(a->name, "_"), j = strspn(b->name, "_");
	if (i != j)
		return i < j ? -1 : 1;
	return strcmp(a->name, b->name);
}

static bool same_module(const struct entry *a, const struct entry *b)
{
	return a->module == b->module || (a->module && b->module && strcmp(a->module, b->module) == 0);
}

/* The list tells no sizes. A function ends where the next begins; the last one of a module (or of the kernel) ends with
 * its page, as perf assumes. */
static void set_ends(struct plait_kallsyms *kallsyms)
{
	struct entry *entries = kallsyms->entries.data;
	size_t kept = 0;
	for (size_t i = 0; i < kallsyms->entries.count; i++) {
		if (kept == 0 || entries[kept - 1].start != entries[i].start)
			entries[kept++] = entries[i];
	}
	kallsyms->entries.count = kept;
	for (size_t i = 0; i < kept; i++) {
		uint64_t page_end = ((entries[i].start | 4095) + 1) + 4096;
		uint64_t next = i + 1 < kept ? entries[i + 1].start : UINT64_MAX;
		bool last = i + 1 == kept || !same_module(&entries[i], &entries[i + 1]);
		entries[i].end = last && page_end > entries[i].start && page_end < next ? page_end : next;
	}
}

/* Reads the lines of kallsyms->text. */
static bool parse(struct plait_kallsyms *kallsyms, size_t size)
{
	uint64_t seen = 0;
	for (char *line = kallsyms->text, *end = line + size; line < end;) {
		char *stop = memchr(line, '\n', (size_t)(end - line));
		if (!stop)
			stop = end;
		struct entry entry;
		if (parse_line(line, stop, &entry)) {
			seen |= entry.start;
			if (!plait_vec_push(&kallsyms->entries, entry))
				return false;
		}
		line = stop + 1;
	}
	bool hidden = kallsyms->entries.count > 0 && seen == 0;
	if (hidden)
		kallsyms->entries.count = 0;
	if (kallsyms->entries.count == 0)
		kallsyms->reason = strdup(hidden ? "the kernel hides its addresses from this user "
						   "(kernel.kptr_restrict or kernel.perf_event_paranoid); "
						   "run as root or set kernel.kptr_restrict to 0"
						 : "the kernel's symbol list names no function "
						   "(kernel built without CONFIG_KALLSYMS)");
	else
		qsort(kallsyms->entries.data, kallsyms->entries.count, sizeof(struct entry), compare_entries);
	set_ends(kallsyms);
	return kallsyms->reason || kallsyms->entries.count;
}

struct plait_error *plait_kallsyms_load(const char *path, struct plait_kallsyms **ret)
{
	struct plait_kallsyms *kallsyms = calloc(1, sizeof(*kallsyms));
	if (!kallsyms)
		return plait_error_no_memory();
	int fd PLAIT_CLOSE = open(path, O_RDONLY | O_CLOEXEC);
	size_t size = 0;
	int err = fd < 0 ? errno : plait_text_read(fd, 0, LIST_MAX, &kallsyms->text, &size);
	bool ok;
	if (err == 0)
		ok = parse(kallsyms, size);
	else
		ok = err != ENOMEM && asprintf(&kallsyms->reason, "cannot read %s: %s", path, strerror(err)) >= 0;
	if (!ok) {
		plait_kallsyms_destroy(kallsyms);
		return plait_error_no_memory();
	}
	*ret = kallsyms;
	return NULL;
}

void plait_kallsyms_destroy(struct plait_kallsyms *kallsyms)
{
	if (!kallsyms)
		return;
	free(kallsyms->text);
	free(kallsyms->reason);
	plait_vec_free(&kallsyms->entries);
	free(kallsyms);
}

bool plait_kallsyms_find(const struct plait_kallsyms *kallsyms, uint64_t address, struct plait_kernel_symbol *ret)
{
	size_t low = 0, high = kallsyms->entries.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (kallsyms->entries.data[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return false;
	const struct entry *entry = &kallsyms->entries.data[low - 1];
	if (address >= entry->end || entry->is_end || entry->start == 0)
		return false;
	*ret = (struct plait_kernel_symbol) {
		.name = entry->name,
		.module = entry->module,
		.start = entry->start,
		.size = entry->end - entry->start,
	};
	return true;
}

const char *plait_kallsyms_reason(const struct plait_kallsyms *kallsyms)
{
	return kallsyms->reason;
}

size_t plait_kallsyms_count(const struct plait_kallsyms *kallsyms)
{
	return kallsyms->entries.count;
}
