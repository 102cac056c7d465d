/* The scan of a lossless JPEG (ITU-T T.81, annex H): entropy-coded bytes to samples.

   Huffman decoding is one chain of decisions, which Halide has no words for; hence C, compiled with the kernels by the
   linker's own compiler. Headers and tables are checked by the caller (files/lossless_jpeg.py); the bytes of the scan
   are not trusted here. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { INVALID_CODE = -1, TRUNCATED = -2, OUT_OF_MEMORY = -11 };
enum { SEEN = 13, LONGEST_CODE = 16, WHOLE = 255, WORST_BYTES = 4, SPARE = 64, LEAST_WINDOW = 1 << 16 };

/* What the next SEEN bits begin with: a whole difference (all its bits seen), or only its code, or a longer code. */
typedef struct {
    int16_t difference;
    uint8_t bits; /* all bits of code and difference where WHOLE, else those of the code; 0: the code is longer */
    uint8_t category; /* WHOLE where the difference is there */
} Entry;

typedef struct {
    Entry seen[1 << SEEN];
    int32_t beyond[LONGEST_CODE + 1]; /* the first number, of that many bits, that no code up to this length has */
    int32_t first[LONGEST_CODE + 1];
    uint8_t at[LONGEST_CODE + 1];
    const uint8_t *categories;
} Table;

static int32_t extended(uint32_t bits, int category) {
    return bits >> (category - 1) ? (int32_t)bits : (int32_t)bits - (1 << category) + 1;
}

/* `stated`: 16 counts of codes by length, then the categories in the order of their codes (annex C). */
static void make_table(Table *table, const uint8_t *stated) {
    memset(table, 0, sizeof *table);
    table->categories = stated + LONGEST_CODE;
    int32_t code = 0;
    int index = 0;
    for (int length = 1; length <= LONGEST_CODE; length++) {
        table->first[length] = code;
        table->at[length] = (uint8_t)index;
        for (int each = 0; each < stated[length - 1]; each++, code++, index++) {
            if (length > SEEN) continue;
            int category = table->categories[index], rest = SEEN - length;
            for (int32_t tail = 0; tail < 1 << rest; tail++) {
                Entry *entry = &table->seen[code << rest | tail];
                *entry = (Entry){.bits = (uint8_t)length, .category = (uint8_t)category};
                if (category <= rest) {
                    entry->category = WHOLE;
                    entry->bits = (uint8_t)(length + category);
                    if (category) entry->difference = (int16_t)extended((uint32_t)tail >> (rest - category), category);
                }
            }
        }
        table->beyond[length] = code;
        code <<= 1;
    }
}

/* The next difference of a bit buffer that holds 32 bits or more; INT32_MIN for a code that no table has. */
static int32_t rare_difference(const Table *table, uint64_t *buffer, int *held) {
    const Entry *entry = &table->seen[*buffer >> (64 - SEEN)];
    int length = entry->bits, category = entry->category;
    if (!length) {
        for (length = SEEN + 1;; length++) {
            if (length > LONGEST_CODE) return INT32_MIN;
            int32_t code = (int32_t)(*buffer >> (64 - length));
            if (code < table->beyond[length]) {
                category = table->categories[table->at[length] + code - table->first[length]];
                break;
            }
        }
    }
    *buffer <<= length;
    *held -= length;
    if (category == 0) return 0;
    if (category == 16) return 32768;
    int32_t difference = extended((uint32_t)(*buffer >> (64 - category)), category);
    *buffer <<= category;
    *held -= category;
    return difference;
}

typedef struct {
    uint64_t buffer; /* the next bits, highest first */
    int held;        /* how many of them count */
    const uint8_t *at;
} Bits;

static uint64_t next_bytes(const uint8_t *at) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

typedef struct {
    const uint8_t *coded, *end;
    uint8_t *bytes;
    size_t capacity, length; /* of `bytes`, SPARE zeros beyond it not counted */
} Window;

/* Bring the window to stand at `at`, filled with the bytes of the scan without the zeros stuffed after 255, up to the
   first marker, and zeros behind it where the scan ends. */
static const uint8_t *filled(Window *window, const uint8_t *at) {
    size_t used = (size_t)(at - window->bytes);
    size_t length = used < window->length ? window->length - used : 0;
    memmove(window->bytes, at, length);
    while (window->coded < window->end && length < window->capacity) {
        size_t room = window->capacity - length, left = (size_t)(window->end - window->coded);
        if (room > left) room = left;
        const uint8_t *mark = memchr(window->coded, 0xFF, room);
        size_t run = mark ? (size_t)(mark - window->coded) + 1 : room;
        memcpy(window->bytes + length, window->coded, run);
        length += run;
        window->coded += run;
        if (mark && (window->coded == window->end || *window->coded++ != 0)) {
            length--;
            window->coded = window->end;
        }
    }
    memset(window->bytes + length, 0, window->capacity - length + SPARE);
    window->length = length;
    return window->bytes;
}

static inline __attribute__((always_inline)) int32_t guessed(int way, int32_t left, int32_t over, int32_t corner) {
    switch (way) {
    case 1: return left;
    case 2: return over;
    case 3: return corner;
    case 4: return left + over - corner;
    case 5: return left + ((over - corner) >> 1);
    case 6: return over + ((left - corner) >> 1);
    default: return (left + over) >> 1;
    }
}

/* One line; the number of components and the predictor are constants wherever this is inlined. */
static inline __attribute__((always_inline)) int line_of(Bits *bits, const Table *const *of, int components, int way,
                                                         uint16_t *line, const uint16_t *above, size_t row,
                                                         int32_t start) {
    uint64_t buffer = bits->buffer;
    int held = bits->held;
    const uint8_t *at = bits->at;
    int32_t left[4] = {0}, corner[4] = {0};
    for (size_t x = 0; x < row; x += (size_t)components) {
        for (int each = 0; each < components; each++) {
            const Table *table = of[each];
            if (held < 32) {
                buffer |= next_bytes(at) >> held;
                at += (63 - held) >> 3;
                held |= 56;
            }
            const Entry *entry = &table->seen[buffer >> (64 - SEEN)];
            int32_t difference = entry->difference;
            if (__builtin_expect(entry->category == WHOLE, 1)) {
                buffer <<= entry->bits;
                held -= entry->bits;
            } else {
                difference = rare_difference(table, &buffer, &held);
                if (difference == INT32_MIN) return INVALID_CODE;
            }
            int32_t over = above ? above[x + (size_t)each] : start;
            int32_t guess = x ? guessed(way, left[each], over, corner[each]) : over;
            left[each] = (uint16_t)(guess + difference);
            corner[each] = over;
            line[x + (size_t)each] = (uint16_t)left[each];
        }
    }
    *bits = (Bits){buffer, held, at};
    return 0;
}

static inline __attribute__((always_inline)) int any_line(Bits *bits, const Table *const *of, int components, int way,
                                                          uint16_t *line, const uint16_t *above, size_t row,
                                                          int32_t start) {
    switch (way) {
    case 1: return line_of(bits, of, components, 1, line, above, row, start);
    case 6: return line_of(bits, of, components, 6, line, above, row, start);
    default: return line_of(bits, of, components, way, line, above, row, start);
    }
}

/* Fill `samples`, height rows of width x components, from a scan without restarts or point transform.

   `tables`: for each component 16 counts and 17 categories. Gives 0, or one of the negative numbers above. */
int anylens_lossless_jpeg(const uint8_t *coded, size_t size, const uint8_t *tables, int components, int precision,
                          int predictor, int width, int height, uint16_t *samples) {
    size_t row = (size_t)width * (size_t)components;
    size_t worst = row * WORST_BYTES, capacity = 4 * worst + LEAST_WINDOW;
    uint8_t *bytes = malloc(capacity + SPARE);
    Table *made = malloc(sizeof *made * (size_t)components);
    if (!bytes || !made) {
        free(bytes);
        free(made);
        return OUT_OF_MEMORY;
    }
    const Table *of[4];
    for (int each = 0; each < components; each++) {
        const uint8_t *stated = tables + 33 * each;
        of[each] = &made[each];
        for (int other = 0; other < each && of[each] == &made[each]; other++)
            if (!memcmp(stated, tables + 33 * other, 33)) of[each] = of[other];
        if (of[each] == &made[each]) make_table(&made[each], stated);
    }
    Window window = {coded, coded + size, bytes, capacity, 0};
    Bits bits = {.at = filled(&window, bytes)};
    int problem = 0;
    for (int y = 0; y < height && !problem; y++) {
        if ((size_t)(bits.at - bytes) + worst + sizeof bits.buffer > capacity) bits.at = filled(&window, bits.at);
        uint16_t *line = samples + (size_t)y * row;
        const uint16_t *above = y ? line - row : NULL;
        int way = y ? predictor : 1, start = 1 << (precision - 1);
        problem = components == 1   ? any_line(&bits, of, 1, way, line, above, row, start)
                  : components == 2 ? any_line(&bits, of, 2, way, line, above, row, start)
                                    : any_line(&bits, of, components, way, line, above, row, start);
        if (bits.at - bytes - bits.held / 8 > (ptrdiff_t)window.length && !problem) problem = TRUNCATED;
    }
    free(bytes);
    free(made);
    return problem;
}
