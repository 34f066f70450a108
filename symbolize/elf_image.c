#include "symbolize/elf_image.h"

#include <elf.h>
#include <string.h>

/* Longer strings are as good as unterminated: a table of overlapping ones must not cost the square of its size. */
enum { STRING_MAX = 1 << 14 };

/* Programs and libraries have some tens of these. Hostile ones would have many that all span the whole file. */
enum { SECTIONS_MAX = 1 << 16, SEGMENTS_MAX = 128 };

/* The `size` bytes at file offset `offset`; empty when they are not all inside. */
static struct plait_bytes bytes_of_file(const struct plait_elf_image *image, uint64_t offset, uint64_t size)
{
	if (offset > image->size || size > image->size - offset)
		return plait_bytes(image->data, 0);
	return plait_bytes(image->data + offset, size);
}

static bool read_section_header(const struct plait_elf_image *image, uint32_t index, Elf64_Shdr *ret)
{
	uint64_t offset = image->sections + (uint64_t)index * sizeof(*ret);
	if (offset > image->size || image->size - offset < sizeof(*ret))
		return false;
	memcpy(ret, image->data + offset, sizeof(*ret));
	return true;
}

static bool read_segment(const struct plait_elf_image *image, uint32_t index, Elf64_Phdr *ret)
{
	uint64_t offset = image->segments + (uint64_t)index * sizeof(*ret);
	if (index >= image->segment_count || offset > image->size || image->size - offset < sizeof(*ret))
		return false;
	memcpy(ret, image->data + offset, sizeof(*ret));
	return true;
}

/* Finds the section headers: their number and the index of their names may be in section 0 (ELF gABI, "extended
 * numbering"). An image without usable section headers keeps section_count 0. */
static void open_sections(struct plait_elf_image *image, const Elf64_Ehdr *header)
{
	Elf64_Shdr zero, names;
	if (header->e_shoff == 0 || header->e_shoff > image->size || header->e_shentsize != sizeof(Elf64_Shdr))
		return;
	image->sections = header->e_shoff;
	if (!read_section_header(image, 0, &zero))
		return;
	uint64_t count = header->e_shnum ? header->e_shnum : zero.sh_size;
	uint64_t fits = (image->size - image->sections) / sizeof(Elf64_Shdr);
	count = count < fits ? count : fits;
	image->section_count = count < SECTIONS_MAX ? (uint32_t)count : SECTIONS_MAX;
	uint32_t index = header->e_shstrndx == SHN_XINDEX ? zero.sh_link : header->e_shstrndx;
	if (index != 0 && index < image->section_count && read_section_header(image, index, &names) &&
	    names.sh_type != SHT_NOBITS)
		image->names = bytes_of_file(image, names.sh_offset, names.sh_size);
}

/* The NT_GNU_BUILD_ID of the notes in `bytes`, aligned to 4 bytes; size 0: none. */
static struct plait_build_id find_build_id(struct plait_bytes bytes)
{
	struct plait_build_id id = { 0 };
	while (plait_bytes_left(&bytes) >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr note;
		plait_bytes_read(&bytes, &note, sizeof(note));
		const char *name = plait_bytes_take(&bytes, ((uint64_t)note.n_namesz + 3) & ~UINT64_C(3));
		uint64_t padded = ((uint64_t)note.n_descsz + 3) & ~UINT64_C(3);
		if (!name)
			break;
		const uint8_t *text = plait_bytes_take(&bytes, padded);
		if (!text)
			break;
		if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != 4 || memcmp(name, "GNU", 4) != 0)
			continue;
		if (note.n_descsz == 0 || note.n_descsz > PLAIT_BUILD_ID_MAX)
			continue;
		id.size = (uint8_t)note.n_descsz;
		memcpy(id.bytes, text, note.n_descsz);
		break;
	}
	return id;
}

static struct plait_build_id read_build_id(const struct plait_elf_image *image)
{
	struct plait_build_id id = { 0 };
	Elf64_Phdr segment;
	for (uint32_t i = 0; id.size == 0 && read_segment(image, i, &segment); i++) {
		if (segment.p_type == PT_NOTE)
			id = find_build_id(bytes_of_file(image, segment.p_offset, segment.p_filesz));
	}
	struct plait_elf_section section;
	uint64_t budget = image->size; /* honest sections do not overlap */
	for (uint32_t i = 1; id.size == 0 && plait_elf_section(image, i, &section); i++) {
		if (section.type != SHT_NOTE || section.size > budget)
			continue;
		budget -= section.size;
		id = find_build_id(plait_elf_section_bytes(image, &section));
	}
	return id;
}

bool plait_elf_image_open(const void *data, size_t size, struct plait_elf_image *ret)
{
	Elf64_Ehdr header;
	if (!data || size < sizeof(header))
		return false;
	memcpy(&header, data, sizeof(header));
	if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
	    header.e_ident[EI_DATA] != ELFDATA2LSB)
		return false;
	struct plait_elf_image image = { .data = data, .size = size, .machine = header.e_machine };
	image.names = plait_bytes(data, 0);
	open_sections(&image, &header);
	if (header.e_phentsize == sizeof(Elf64_Phdr) && header.e_phoff != 0 && header.e_phoff <= size) {
		image.segments = header.e_phoff;
		image.segment_count = header.e_phnum < SEGMENTS_MAX ? header.e_phnum : SEGMENTS_MAX;
	}
	image.build_id = read_build_id(&image);
	*ret = image;
	return true;
}

bool plait_elf_section(const struct plait_elf_image *image, uint32_t index, struct plait_elf_section *ret)
{
	Elf64_Shdr header;
	if (index == 0 || index >= image->section_count || !read_section_header(image, index, &header))
		return false;
	const char *name = plait_elf_string(&image->names, header.sh_name);
	*ret = (struct plait_elf_section) {
		.name = name ? name : "",
		.type = header.sh_type,
		.flags = header.sh_flags,
		.address = header.sh_addr,
		.offset = header.sh_offset,
		.size = header.sh_size,
		.link = header.sh_link,
		.info = header.sh_info,
		.entry_size = header.sh_entsize,
	};
	return true;
}

bool plait_elf_section_find(const struct plait_elf_image *image, const char *name, struct plait_elf_section *ret)
{
	struct plait_elf_section section;
	for (uint32_t i = 1; plait_elf_section(image, i, &section); i++) {
		if (strcmp(section.name, name) == 0) {
			*ret = section;
			return true;
		}
	}
	return false;
}

bool plait_elf_section_of_type(const struct plait_elf_image *image, uint32_t type, struct plait_elf_section *ret)
{
	struct plait_elf_section section;
	for (uint32_t i = 1; plait_elf_section(image, i, &section); i++) {
		if (section.type == type) {
			*ret = section;
			return true;
		}
	}
	return false;
}

struct plait_bytes plait_elf_section_bytes(const struct plait_elf_image *image, const struct plait_elf_section *section)
{
	if (section->type == SHT_NOBITS)
		return plait_bytes(image->data, 0);
	return bytes_of_file(image, section->offset, section->size);
}

struct plait_bytes plait_elf_bytes_at(const struct plait_elf_image *image, uint64_t address)
{
	Elf64_Phdr segment;
	for (uint32_t i = 0; read_segment(image, i, &segment); i++) {
		if (segment.p_type != PT_LOAD || address < segment.p_vaddr ||
		    address - segment.p_vaddr >= segment.p_filesz)
			continue;
		struct plait_bytes bytes = bytes_of_file(image, segment.p_offset, segment.p_filesz);
		plait_bytes_take(&bytes, address - segment.p_vaddr);
		return bytes.failed ? plait_bytes(image->data, 0) : bytes;
	}
	return plait_bytes(image->data, 0);
}

const char *plait_elf_string(const struct plait_bytes *table, uint64_t offset)
{
	size_t size = plait_bytes_left(table);
	if (offset >= size)
		return NULL;
	const char *text = (const char *)table->at + offset;
	size_t longest = size - offset < STRING_MAX ? size - offset : STRING_MAX;
	return memchr(text, 0, longest) ? text : NULL;
}

bool plait_elf_debuglink(const struct plait_elf_image *image, const char **ret_name, uint32_t *ret_crc)
{
	struct plait_elf_section section;
	if (!plait_elf_section_find(image, ".gnu_debuglink", &section))
		return false;
	struct plait_bytes bytes = plait_elf_section_bytes(image, &section);
	const char *name = plait_elf_string(&bytes, 0);
	if (!name || *name == 0 || strchr(name, '/') || strlen(name) > 255)
		return false;
	/* The name is padded to a multiple of four, then comes the checksum (gdb manual, "Debugging Information in
	 * Separate Files"). */
	plait_bytes_take(&bytes, (strlen(name) + 4) & ~(size_t)3);
	uint32_t crc = plait_bytes_u32(&bytes);
	if (bytes.failed)
		return false;
	*ret_name = name;
	*ret_crc = crc;
	return true;
}

bool plait_elf_has_dwarf(const struct plait_elf_image *image)
{
	struct plait_elf_section section;
	bool found = plait_elf_section_find(image, ".debug_info", &section) ||
		     plait_elf_section_find(image, ".zdebug_info", &section);
	return found && section.type != SHT_NOBITS && section.size != 0;
}
