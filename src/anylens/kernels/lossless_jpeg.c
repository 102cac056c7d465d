/* The pieces of an image that are lossless JPEGs (ITU-T T.81, annex H): coded bytes to samples.

   Huffman decoding is one chain of decisions, which Halide has no words for; hence C, compiled with the kernels by the
   linker's own compiler. Nothing in a piece is trusted. What is damaged or rare is left to files/lossless_jpeg.py, which
   says what it is. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { INVALID_CODE = -1, TRUNCATED = -2, NOT_PLAIN = -3, OUT_OF_MEMORY = -11 };
enum { SEEN = 13, LONGEST_CODE = 16, WHOLE = 255, WORST_BYTES = 4, SPARE = 64, LEAST_WINDOW = 1 << 16 };
enum { SOI = 0xD8, EOI = 0xD9, SOF3 = 0xC3, DHT = 0xC4, JPG = 0xC8, DAC = 0xCC, SOS = 0xDA, DRI = 0xDD };
enum { MOST = 4, MOST_CATEGORIES = 17, STATED = LONGEST_CODE + MOST_CATEGORIES, ENDS_WITHIN = 16 };

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

/* What a piece says of itself. `stated`: 16 counts of codes by length and 17 categories, checked, of each component. */
typedef struct {
    int width, height, components, precision, predictor;
    const uint8_t *stated[MOST];
    uint8_t tables[MOST][STATED];
    const uint8_t *scan;
} Header;

static int word_at(const uint8_t *at) { return at[0] << 8 | at[1]; }

/* Take the Huffman tables of a segment; `there` has a bit for each that has come. */
static int take_tables(Header *header, const uint8_t *at, const uint8_t *end, int *there) {
    while (at < end) {
        int number = *at++, total = 0;
        int64_t filled = 0;
        if (number >= MOST || end - at < LONGEST_CODE) return NOT_PLAIN;
        for (int length = 1; length <= LONGEST_CODE; length++) {
            total += at[length - 1];
            filled += (int64_t)at[length - 1] << (LONGEST_CODE - length);
        }
        if (total < 1 || total > MOST_CATEGORIES || filled > 1 << LONGEST_CODE) return NOT_PLAIN;
        if (end - at < LONGEST_CODE + total) return NOT_PLAIN;
        for (int each = 0; each < total; each++)
            if (at[LONGEST_CODE + each] > 16) return NOT_PLAIN;
        uint8_t *stated = header->tables[number];
        memset(stated, 0, STATED);
        memcpy(stated, at, (size_t)(LONGEST_CODE + total));
        at += LONGEST_CODE + total;
        *there |= 1 << number;
    }
    return 0;
}

/* 0 where a piece of `size` bytes is whole and uses no rare feature. */
static int read_header(Header *header, const uint8_t *piece, size_t size) {
    const uint8_t *at = piece + 2, *end = piece + size;
    int there = 0, ended = 0;
    header->components = 0;
    if (size < ENDS_WITHIN || piece[0] != 0xFF || piece[1] != SOI) return NOT_PLAIN;
    for (const uint8_t *last = end - ENDS_WITHIN; last + 1 < end; last++) ended |= last[0] == 0xFF && last[1] == EOI;
    if (!ended) return NOT_PLAIN;
    while (end - at >= 4) {
        if (at[0] != 0xFF) return NOT_PLAIN;
        int marker = at[1];
        if (marker == 0xFF) {
            at++;
            continue;
        }
        int length = word_at(at + 2) - 2;
        const uint8_t *body = at + 4;
        if (length < 0 || end - body < length) return NOT_PLAIN;
        at = body + length;
        if (marker == SOF3) {
            if (header->components || length < 6 || length != 6 + 3 * body[5]) return NOT_PLAIN;
            header->precision = body[0];
            header->height = word_at(body + 1);
            header->width = word_at(body + 3);
            header->components = body[5];
            if (header->precision < 2 || header->precision > 16 || !header->width || !header->height) return NOT_PLAIN;
            if (header->components < 1 || header->components > MOST) return NOT_PLAIN;
            for (int each = 0; each < header->components; each++)
                if (body[7 + 3 * each] != 0x11) return NOT_PLAIN;
        } else if (marker == DHT) {
            if (take_tables(header, body, at, &there)) return NOT_PLAIN;
        } else if (marker == SOS) {
            int components = header->components;
            if (!components || length != 4 + 2 * components || body[0] != components) return NOT_PLAIN;
            for (int each = 0; each < components; each++) {
                int number = body[2 + 2 * each] >> 4;
                if (number >= MOST || !(there >> number & 1)) return NOT_PLAIN;
                header->stated[each] = header->tables[number];
            }
            header->predictor = body[1 + 2 * components];
            header->scan = at;
            if (header->predictor < 1 || header->predictor > 7 || body[3 + 2 * components]) return NOT_PLAIN;
            return 0;
        } else if ((marker >= 0xC0 && marker <= 0xCF && marker != JPG && marker != DAC) || marker == DRI) {
            return NOT_PLAIN;
        }
    }
    return NOT_PLAIN;
}

/* What decoding one piece after the other needs, made once for all of a thread. */
typedef struct {
    Table tables[MOST];
    uint8_t made[MOST][STATED]; /* of what they were made, no table of any where not yet */
    uint8_t *bytes;
    size_t room;
    uint16_t *samples; /* of a piece that does not lie in the image as one */
} Scratch;

/* Fill `samples`, height rows of width x components. */
static int decode(const Header *header, const uint8_t *end, Scratch *scratch, uint16_t *samples) {
    int components = header->components;
    size_t row = (size_t)header->width * (size_t)components;
    size_t worst = row * WORST_BYTES, capacity = 4 * worst + LEAST_WINDOW;
    if (scratch->room < capacity + SPARE) {
        free(scratch->bytes);
        scratch->bytes = malloc(capacity + SPARE);
        scratch->room = scratch->bytes ? capacity + SPARE : 0;
        if (!scratch->bytes) return OUT_OF_MEMORY;
    }
    const Table *of[MOST];
    for (int each = 0; each < components; each++) {
        int same = 0;
        while (memcmp(header->stated[each], header->stated[same], STATED)) same++;
        of[each] = &scratch->tables[same];
        if (memcmp(scratch->made[same], header->stated[same], STATED)) {
            memcpy(scratch->made[same], header->stated[same], STATED);
            make_table(&scratch->tables[same], scratch->made[same]);
        }
    }
    Window window = {header->scan, end, scratch->bytes, capacity, 0};
    Bits bits = {.at = filled(&window, scratch->bytes)};
    int problem = 0;
    for (int y = 0; y < header->height && !problem; y++) {
        if ((size_t)(bits.at - window.bytes) + worst + sizeof bits.buffer > capacity)
            bits.at = filled(&window, bits.at);
        uint16_t *line = samples + (size_t)y * row;
        const uint16_t *above = y ? line - row : NULL;
        int way = y ? header->predictor : 1, start = 1 << (header->precision - 1);
        problem = components == 1   ? any_line(&bits, of, 1, way, line, above, row, start)
                  : components == 2 ? any_line(&bits, of, 2, way, line, above, row, start)
                                    : any_line(&bits, of, components, way, line, above, row, start);
        if (bits.at - window.bytes - bits.held / 8 > (ptrdiff_t)window.length && !problem) problem = TRUNCATED;
    }
    return problem;
}

/* An image and the pieces of it, `across` in a row, each of `piece_row` samples in every one of its rows; `whole_rows`
   tells that the lowest have all their rows too. The bytes of a piece lie within `file`. */
typedef struct {
    const uint8_t *file;
    const uint64_t *offsets, *sizes;
    int32_t count, across, piece_rows, piece_row, whole_rows;
    int32_t height, row;
    uint16_t *image;
    int32_t begun;   /* how many pieces some thread has taken */
    int32_t problem; /* 0, or one of the negative numbers above; then nothing is begun any more */
} Pieces;

static int decode_piece(const Pieces *pieces, int index, Scratch *scratch) {
    const uint8_t *piece = pieces->file + pieces->offsets[index], *end = piece + pieces->sizes[index];
    int top = index / pieces->across * pieces->piece_rows, left = index % pieces->across * pieces->piece_row;
    int high = pieces->height - top < pieces->piece_rows ? pieces->height - top : pieces->piece_rows;
    int wide = pieces->row - left < pieces->piece_row ? pieces->row - left : pieces->piece_row;
    int rows = pieces->whole_rows ? pieces->piece_rows : high;
    Header header;
    int problem = read_header(&header, piece, (size_t)(end - piece));
    if (problem) return problem;
    if ((int64_t)header.width * header.height * header.components != (int64_t)rows * pieces->piece_row)
        return NOT_PLAIN;
    uint16_t *image = pieces->image + (size_t)top * (size_t)pieces->row + (size_t)left;
    if (pieces->piece_row == pieces->row && rows == high) return decode(&header, end, scratch, image);
    size_t bytes = sizeof *scratch->samples * (size_t)pieces->piece_row;
    if (!scratch->samples) scratch->samples = malloc(bytes * (size_t)pieces->piece_rows);
    if (!scratch->samples) return OUT_OF_MEMORY;
    problem = decode(&header, end, scratch, scratch->samples);
    for (int y = 0; y < high && !problem; y++)
        memcpy(image + (size_t)y * (size_t)pieces->row, scratch->samples + (size_t)y * (size_t)pieces->piece_row,
               sizeof *image * (size_t)wide);
    return problem;
}

/* Decode the pieces that nobody has begun, until none is left. Any number of threads may call at once. */
void anylens_lossless_jpeg(Pieces *pieces) {
    Scratch *scratch = calloc(1, sizeof *scratch);
    int problem = scratch ? 0 : OUT_OF_MEMORY;
    while (!problem && !__atomic_load_n(&pieces->problem, __ATOMIC_RELAXED)) {
        int index = __atomic_fetch_add(&pieces->begun, 1, __ATOMIC_RELAXED);
        if (index >= pieces->count) break;
        problem = decode_piece(pieces, index, scratch);
    }
    if (problem) __atomic_store_n(&pieces->problem, problem, __ATOMIC_RELAXED);
    if (scratch) {
        free(scratch->bytes);
        free(scratch->samples);
        free(scratch);
    }
}
