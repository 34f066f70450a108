/* A loop of known length: counted_loop(n) executes 2 * n instructions in it, and a few to enter and to leave. */
#include <stdint.h>

__attribute__((visibility("default"), noinline)) void counted_loop(uint64_t n);

void counted_loop(uint64_t n)
{
#ifdef __aarch64__
	asm volatile("1: subs %0, %0, #1\n   b.ne 1b" : "+r"(n) : : "cc");
#else
	asm volatile("1: dec %0\n   jnz 1b" : "+r"(n) : : "cc");
#endif
}
