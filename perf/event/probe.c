#include "perf/event/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "perf/event/nearest.h"

static const char uprobe[] = "uprobe:", uretprobe[] = "uretprobe:";

bool plait_probe_is(const char *text)
{
	return strncmp(text, uprobe, sizeof(uprobe) - 1) == 0 || strncmp(text, uretprobe, sizeof(uretprobe) - 1) == 0;
}

/* What is looked for in a file, and what was found. */
struct search {
	const char *symbol;
	size_t length;
	uint64_t address; /* ELF virtual address */
	bool found, ambiguous;
	struct plait_nearest nearest;
};

/* "symbol" also finds "symbol@@VERSION", which .symtab of some linkers has. */
static bool is_named(const struct search *search, const char *name)
{
	return strncmp(name, search->symbol, search->length) == 0 &&
	       (name[search->length] == '\0' || name[search->length] == '@');
}

static void search_section(Elf *elf, Elf_Scn *section, const GElf_Shdr *header, struct search *search)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t count = data && header->sh_entsize ? header->sh_size / header->sh_entsize : 0;
	for (size_t i = 0; i < count; i++) {
		GElf_Sym symbol;
		const char *name;
		if (!gelf_getsym(data, (int)i, &symbol) || symbol.st_shndx == SHN_UNDEF ||
		    (GELF_ST_TYPE(symbol.st_info) != STT_FUNC && GELF_ST_TYPE(symbol.st_info) != STT_GNU_IFUNC) ||
		    !(name = elf_strptr(elf, header->sh_link, symbol.st_name)))
			continue;
		if (!is_named(search, name)) {
			plait_nearest_offer(&search->nearest, name);
			continue;
		}
		search->ambiguous |= search->found && search->address != symbol.st_value;
		search->address = symbol.st_value;
		search->found = true;
	}
}

/* The place in the file of a virtual address, by the segment that maps it. */
static bool file_offset(Elf *elf, uint64_t address, uint64_t *ret)
{
	size_t count;
	if (elf_getphdrnum(elf, &count) != 0)
		return false;
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr segment;
		if (gelf_getphdr(elf, (int)i, &segment) && segment.p_type == PT_LOAD && segment.p_flags & PF_X &&
		    address >= segment.p_vaddr && address - segment.p_vaddr < segment.p_filesz) {
			*ret = address - segment.p_vaddr + segment.p_offset;
			return true;
		}
	}
	return false;
}

static struct plait_error *find_in(Elf *elf, const char *path, uint64_t plus, struct search *search, uint64_t *ret)
{
	if (!elf || elf_kind(elf) != ELF_K_ELF)
		return plait_error_new(PLAIT_ERROR_USAGE, "probe: %s is no ELF file", path);
	for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section));) {
		GElf_Shdr header;
		if (gelf_getshdr(section, &header) && (header.sh_type == SHT_SYMTAB || header.sh_type == SHT_DYNSYM))
			search_section(elf, section, &header, search);
	}
	if (!search->found)
		return plait_nearest_advise(
			&search->nearest,
			plait_error_new(PLAIT_ERROR_USAGE, "probe: %s has no function '%.*s'", path,
					(int)(search->length > 200 ? 200 : search->length), search->symbol),
			"a stripped file names only what it exports: nm -D --defined-only FILE; any instruction can be "
			"named by its offset in the file (:0x1234)");
	if (search->ambiguous)
		return plait_error_advise(plait_error_new(PLAIT_ERROR_USAGE,
							  "probe: %s has more than one function '%.*s'", path,
							  (int)search->length, search->symbol),
					  "name the one by its offset in the file (:0x1234)");
	if (!file_offset(elf, search->address + plus, ret))
		return plait_error_new(PLAIT_ERROR_USAGE, "probe: '%.*s' is not in the code of %s", (int)search->length,
				       search->symbol, path);
	return NULL;
}

static struct plait_error *find_symbol(const char *path, const char *symbol, size_t length, uint64_t plus,
				       uint64_t *ret)
{
	int fd PLAIT_CLOSE = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return plait_error_system(errno, "probe: opening %s", path);
	elf_version(EV_CURRENT);
	struct search search = { .symbol = symbol, .length = length, .nearest = { .name = symbol, .length = length } };
	Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	struct plait_error *error = find_in(elf, path, plus, &search, ret);
	elf_end(elf);
	return error;
}

static struct plait_error *wrong(const char *text)
{
	return plait_error_advise(
		plait_error_new(PLAIT_ERROR_USAGE, "'%.200s' is not a probe", text),
		"probes are uprobe:/path/file:FUNCTION[+0xOFFSET] or uprobe:/path/file:0xFILE_OFFSET, "
		"and uretprobe: for the return");
}

static bool parse_number(const char *text, uint64_t *ret)
{
	char *end;
	errno = 0;
	if (*text < '0' || *text > '9')
		return false;
	*ret = strtoull(text, &end, 0);
	return !errno && !*end;
}

struct plait_error *plait_probe_parse(const char *text, struct plait_event_spec *spec)
{
	spec->probe_return = strncmp(text, uretprobe, sizeof(uretprobe) - 1) == 0;
	const char *path = text + (spec->probe_return ? sizeof(uretprobe) : sizeof(uprobe)) - 1;
	const char *colon = strrchr(path, ':');
	if (!colon || colon == path || !colon[1])
		return wrong(text);
	char *file PLAIT_FREE = strndup(path, (size_t)(colon - path));
	char *real PLAIT_FREE = file ? realpath(file, NULL) : NULL;
	if (!real)
		return file ? plait_error_system(errno, "probe: opening %s", file) : plait_error_no_memory();
	if (strpbrk(real, " \t\n"))
		return plait_error_new(PLAIT_ERROR_UNSUPPORTED, "probe: the kernel takes no path with blanks: '%s'",
				       real);
	uint64_t plus = 0;
	if (!parse_number(colon + 1, &spec->probe_offset)) {
		const char *sign = strchr(colon + 1, '+');
		size_t length = sign ? (size_t)(sign - colon - 1) : strlen(colon + 1);
		if (!length || (sign && !parse_number(sign + 1, &plus)))
			return wrong(text);
		if (spec->probe_return && plus)
			return plait_error_new(PLAIT_ERROR_USAGE,
					       "'%.200s': only a function returns, not a place inside of one", text);
		PLAIT_TRY(find_symbol(real, colon + 1, length, plus, &spec->probe_offset));
	}
	spec->kind = PLAIT_EVENT_PROBE;
	spec->type = PERF_TYPE_TRACEPOINT;
	spec->probe_path = PLAIT_TAKE(real);
	return NULL;
}
