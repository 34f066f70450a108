/* embed SCRIPT [LIBRARY]: a C program that runs a Python script, linked with libpython, or (with -DLATE) loading
 * LIBRARY a moment after its start. */
#include <dlfcn.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#ifdef LATE
static void (*Py_Initialize)(void);
static int (*Py_FinalizeEx)(void);
static int (*PyRun_SimpleFile)(FILE *, const char *);

static int load(const char *library)
{
	void *handle = dlopen(library, RTLD_NOW | RTLD_GLOBAL);
	if (!handle)
		return fprintf(stderr, "%s\n", dlerror());
	Py_Initialize = (void (*)(void))dlsym(handle, "Py_Initialize");
	Py_FinalizeEx = (int (*)(void))dlsym(handle, "Py_FinalizeEx");
	PyRun_SimpleFile = (int (*)(FILE *, const char *))dlsym(handle, "PyRun_SimpleFile");
	return !Py_Initialize || !Py_FinalizeEx || !PyRun_SimpleFile;
}
#else
#include <Python.h>
#endif

/* Uses the CPU before there is a Python. */
static __attribute__((noinline)) double burn_in_c(void)
{
	volatile double sum = 0;
	clock_t end = clock() + CLOCKS_PER_SEC / 5;
	while (clock() < end)
		for (int i = 0; i < 1000; i++)
			sum += i;
	return sum;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	burn_in_c();
#ifdef LATE
	if (argc < 3 || load(argv[2]))
		return 1;
#endif
	FILE *script = fopen(argv[1], "r");
	if (!script)
		return 1;
	Py_Initialize();
	int failed = PyRun_SimpleFile(script, argv[1]);
	fclose(script);
	return Py_FinalizeEx() || failed;
}
