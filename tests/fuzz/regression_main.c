/* Runs a fuzz target over the files and folders named on the command line, without libFuzzer. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned files;

static void run_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	if (!file) {
		perror(path);
		exit(1);
	}
	uint8_t *data = malloc(1 << 24);
	size_t size = fread(data, 1, 1 << 24, file);
	fclose(file);
	uint8_t *exact = malloc(size ? size : 1); /* so that AddressSanitizer sees every read past the end */
	memcpy(exact, data, size);
	free(data);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	files++;
}

static void run(const char *path)
{
	struct stat status;
	if (stat(path, &status) == 0 && !S_ISDIR(status.st_mode)) {
		run_file(path);
		return;
	}
	DIR *folder = opendir(path);
	if (!folder) {
		perror(path);
		exit(1);
	}
	for (struct dirent *entry; (entry = readdir(folder));) {
		if (entry->d_name[0] == '.')
			continue;
		char inner[4096];
		snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name);
		run(inner);
	}
	closedir(folder);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		run(argv[i]);
	if (!files) {
		fprintf(stderr, "%s: no corpus files\n", argv[0]);
		return 1;
	}
	printf("%u files\n", files);
	return 0;
}
