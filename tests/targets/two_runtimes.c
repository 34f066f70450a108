/* Runs two CPythons in one process, one after the other and then by turns: two_runtimes LIB HOME LIB HOME SECONDS. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct runtime {
	void (*initialize)(int);
	int (*run)(const char *);
};

static struct runtime load(const char *path, const char *home)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	struct runtime runtime = { 0 };
	if (!library) {
		fprintf(stderr, "%s\n", dlerror());
		exit(77);
	}
	runtime.initialize = (void (*)(int))dlsym(library, "Py_InitializeEx");
	runtime.run = (int (*)(const char *))dlsym(library, "PyRun_SimpleString");
	setenv("PYTHONHOME", home, 1);
	runtime.initialize(0);
	return runtime;
}

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	if (argc != 6)
		return 2;
	struct runtime one = load(argv[1], argv[2]), two = load(argv[3], argv[4]);
	one.run("def first_one(n):\n"
		"    total = 0\n"
		"    for i in range(n):\n"
		"        total += i * i % 7\n"
		"    return total\n");
	two.run("\n\n\n\n"
		"def second_one(n):\n"
		"    total = 0\n"
		"    for i in range(n):\n"
		"        total += i * i % 7\n"
		"    return total\n");
	for (double end = now() + atof(argv[5]); now() < end;) {
		one.run("first_one(20000)");
		two.run("second_one(20000)");
	}
	return 0;
}
