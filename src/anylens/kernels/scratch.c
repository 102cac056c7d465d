/* Memory for the kernels to work in, in place of Halide's own two functions of these names.

   A page is cleared and entered into tables when it is first touched, and in pages of 4 kB that was a tenth of all the
   processor time of a photo. So large blocks begin where a large page does, and the system is asked to use such. They
   are taken from the C library with room to spare, so that a block of the same size later finds the same place.

   Very large blocks stay in small pages: a virtual machine that lends its free large pages back to its host waits for
   each of them, and a hundred MB of them cost more than they saved. */

#define _GNU_SOURCE
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { ALIGNMENT = 128, LARGE_PAGE = 2 << 20, MOST_IN_LARGE = 64 << 20 };

void *halide_malloc(void *context, size_t size) {
    (void)context;
    size_t alignment = size < LARGE_PAGE || size > MOST_IN_LARGE ? ALIGNMENT : LARGE_PAGE;
    if (size > SIZE_MAX - alignment) return NULL;
    void *whole = malloc(size + alignment);
    if (whole == NULL) return NULL;
    uintptr_t begin = ((uintptr_t)whole + alignment) & ~(uintptr_t)(alignment - 1);
    ((void **)begin)[-1] = whole;
#ifdef MADV_HUGEPAGE
    if (alignment == LARGE_PAGE) madvise((void *)begin, size / LARGE_PAGE * LARGE_PAGE, MADV_HUGEPAGE);
#endif
    return (void *)begin;
}

void halide_free(void *context, void *block) {
    (void)context;
    if (block != NULL) free(((void **)block)[-1]);
}
