/* links: plait_symbolize */
/* Any bytes as an ELF image: section headers, symbol tables, linkage tables, unwind tables, mini debug info, names. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "symbolize/symbolizer.h"

/* Looks up `address`; what comes back must be readable. */
static void look_up(struct plait_symbolizer *symbolizer, const uint8_t *data, size_t size, uint64_t address)
{
	struct plait_symbols symbols;
	struct plait_error *error = plait_symbolize_image(symbolizer, 0, data, size, address, &symbols);
	if (error) {
		plait_error_free(error);
		return;
	}
	if (symbols.count > PLAIT_SYMBOL_INLINE_MAX)
		abort();
	for (uint32_t i = 0; i < symbols.count; i++) {
		const struct plait_symbol *symbol = &symbols.at[i];
		for (const char *c = symbol->name; c && *c; c++) {
			if ((unsigned char)*c < 0x20)
				abort();
		}
		if (symbol->size && (address < symbol->start || address - symbol->start >= symbol->size))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct plait_symbolizer_options options = { .debug_directory = "/nonexistent" };
	struct plait_symbolizer *symbolizer;
	if (plait_symbolizer_create(&options, &symbolizer))
		return 0;
	for (uint64_t address = 0; address < 0x8000; address += 0x10)
		look_up(symbolizer, data, size, address);
	look_up(symbolizer, data, size, UINT64_MAX);
	plait_symbolizer_destroy(symbolizer);
	return 0;
}
