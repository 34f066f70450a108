#include "perf/process/elf_notes.h"

#include <elf.h>
#include <string.h>
#include <unistd.h>

bool plait_elf_is_valid(const uint8_t *image, size_t size)
{
	Elf64_Ehdr header;
	if (!image || size < sizeof(header))
		return false;
	memcpy(&header, image, sizeof(header));
	return memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 && header.e_ident[EI_CLASS] == ELFCLASS64 &&
	       header.e_ident[EI_DATA] == ELFDATA2LSB && header.e_phentsize == sizeof(Elf64_Phdr) &&
	       header.e_phoff <= size && (size - header.e_phoff) / sizeof(Elf64_Phdr) >= header.e_phnum;
}

static size_t program_header_count(const uint8_t *image)
{
	Elf64_Ehdr header;
	memcpy(&header, image, sizeof(header));
	return header.e_phnum;
}

static Elf64_Phdr program_header(const uint8_t *image, size_t index)
{
	Elf64_Ehdr header;
	Elf64_Phdr segment;
	memcpy(&header, image, sizeof(header));
	memcpy(&segment, image + header.e_phoff + index * sizeof(segment), sizeof(segment));
	return segment;
}

static size_t align4(size_t size)
{
	return (size + 3) & ~(size_t)3;
}

/* Looks through the notes in [notes, notes + size). */
static bool find_build_id(const uint8_t *notes, size_t size, struct plait_build_id *ret)
{
	while (size >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr note;
		memcpy(&note, notes, sizeof(note));
		size_t name = align4(note.n_namesz), description = align4(note.n_descsz);
		size_t left = size - sizeof(note);
		if (name > left || description > left - name)
			return false;
		const uint8_t *bytes = notes + sizeof(note) + name;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
		    memcmp(notes + sizeof(note), "GNU", 4) == 0 && note.n_descsz <= PLAIT_BUILD_ID_MAX) {
			ret->size = (uint8_t)note.n_descsz;
			memcpy(ret->bytes, bytes, note.n_descsz);
			return true;
		}
		notes = bytes + description;
		size = left - name - description;
	}
	return false;
}

struct plait_build_id plait_elf_build_id(const uint8_t *image, size_t size)
{
	struct plait_build_id build_id = { .size = 0 };
	for (size_t i = 0; i < program_header_count(image); i++) {
		Elf64_Phdr segment = program_header(image, i);
		if (segment.p_type == PT_NOTE && segment.p_offset <= size &&
		    segment.p_filesz <= size - segment.p_offset &&
		    find_build_id(image + segment.p_offset, segment.p_filesz, &build_id))
			break;
	}
	return build_id;
}

/* How well a PT_LOAD explains a mapping of file offset `offset`; 0: not at all. Segments may share a page of the file:
 * then the one with the right protection is meant, and of those the one whose first page it is. */
static unsigned fit(const Elf64_Phdr *segment, uint64_t offset, bool executable)
{
	uint64_t first = segment->p_offset & ~((uint64_t)sysconf(_SC_PAGESIZE) - 1);
	uint64_t end = segment->p_offset + segment->p_filesz;
	if (segment->p_type != PT_LOAD || end < segment->p_offset || offset < first || offset >= end)
		return 0;
	bool right = !!(segment->p_flags & PF_X) == executable;
	return 1 + 2 * right + (offset == first);
}

bool plait_elf_bias(const uint8_t *image, uint64_t start, uint64_t offset, bool executable, uint64_t *ret)
{
	unsigned best = 0;
	for (size_t i = 0; i < program_header_count(image); i++) {
		Elf64_Phdr segment = program_header(image, i);
		unsigned now = fit(&segment, offset, executable);
		if (now <= best)
			continue;
		best = now;
		*ret = start - offset - (segment.p_vaddr - segment.p_offset);
	}
	return best > 0;
}
