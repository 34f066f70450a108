/* links: plait_python_unwind */
/* A line table and a look-up: 1 byte format, 2 bytes first line, 2 bytes offset, then the table. The answer must be
 * one, and the same with the index as without. */
#include <stdlib.h>
#include <string.h>

#include "python_unwind/line_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct plait_line_table *plain, const struct plait_line_table *indexed, int32_t lasti)
{
	struct plait_position found = plait_line_table_find(plain, lasti);
	struct plait_position again = plait_line_table_find(indexed, lasti);

	if (memcmp(&found, &again, sizeof(found)) != 0 || found.line < 0 || found.column < -1 ||
	    found.end_column < -1 || found.end_line < found.line ||
	    (found.line == 0 && (found.end_line != 0 || found.column != -1)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 5)
		return 0;
	uint16_t offset = (uint16_t)(data[3] | data[4] << 8);
	struct plait_line_table plain = {
		.bytes = data + 5,
		.size = size - 5,
		.format = (enum plait_line_format)(data[0] & 3),
		.first_line = (int16_t)(data[1] | data[2] << 8),
		.whole = data[0] & 4,
	};
	struct plait_line_table indexed = plain;
	plait_line_table_index(&indexed);
	check(&plain, &indexed, offset);
	for (int32_t at = -1; at < 64; at++)
		check(&plain, &indexed, at);
	check(&plain, &indexed, INT32_MAX);
	plait_line_table_release(&indexed);
	return 0;
}
