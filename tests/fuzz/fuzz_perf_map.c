/* links: plait_symbolize */
/* Any bytes as a perf map, read in two steps as a growing file is. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "symbolize/perf_map.h"

/* Looks up `address`, and touches every byte of the name. */
static void look_up(struct plait_perf_map *map, uint64_t address)
{
	struct plait_perf_map_symbol symbol;
	bool found;
	struct plait_error *error = plait_perf_map_find(map, address, &symbol, &found);
	if (error) {
		plait_error_free(error);
		return;
	}
	volatile char sum = 0;
	for (size_t i = 0; found && i < symbol.name_size; i++)
		sum += symbol.name[i];
	if (found && (address < symbol.start || address - symbol.start >= symbol.size))
		abort();
}

static void look_up_some(struct plait_perf_map *map)
{
	for (uint64_t address = 0; address < 0x4000; address += 0x40)
		look_up(map, address);
	look_up(map, 0x7f0000001000);
	look_up(map, UINT64_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[] = "/tmp/plait-fuzz-perf-map-XXXXXX";
	struct plait_perf_map *map;
	int fd = mkstemp(path);
	if (fd < 0 || plait_perf_map_create_at(path, &map))
		abort();
	if (write(fd, data, size / 2) == (ssize_t)(size / 2))
		look_up_some(map);
	if (write(fd, data + size / 2, size - size / 2) == (ssize_t)(size - size / 2))
		look_up_some(map);
	plait_perf_map_destroy(map);
	close(fd);
	unlink(path);
	return 0;
}
