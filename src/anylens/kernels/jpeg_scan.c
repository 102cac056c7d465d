/* Rows of a picture to the coded scan of a baseline JPEG (ITU-T T.81), colour at full resolution.

   Colours, transform (Arai, Agui and Nakajima 1988) and quantisation go two blocks at a time in vectors; coding is one
   chain of decisions, which Halide has no words for; hence C, compiled with the kernels by the linker's own compiler. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { SIDE = 8, PIXELS = 64, AT_ONCE = 16, COLORS = 3, ZEROS = 15, NO_ROOM = -1 };
enum { MOST_BYTES = 2 * PIXELS * 27 / 8 + 16 }; /* of a block, each of them stuffed */

typedef uint8_t Bytes __attribute__((vector_size(16)));
typedef float Floats __attribute__((vector_size(64)));
typedef int32_t Wholes __attribute__((vector_size(64)));
typedef int16_t Shorts __attribute__((vector_size(32)));
typedef int16_t Half __attribute__((vector_size(64)));
typedef _Bool Flags __attribute__((ext_vector_type(32)));

/* One kind of block: what its coefficients are multiplied by, column after column, and its codes, each as code << 8 |
   bits: of the first coefficient by category, of the others by zeros before << 4 | category. */
typedef struct {
    float factors[PIXELS];
    uint32_t first[12];
    uint32_t others[256];
} Kind;

typedef struct {
    const uint8_t *pixels; /* red, green, blue */
    int64_t stride;
    int32_t width, height;
    Kind luma, chroma;
} Picture;

typedef struct {
    uint8_t *at;
    uint64_t bits; /* the lowest `held` of them wait */
    int held;
} Out;

#define PAIR(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#define INLINE static inline __attribute__((always_inline))

/* Eight bytes, the highest first; a zero follows each that has all bits set (T.81, F.1.2.3). */
INLINE void put_bytes(Out *out, uint64_t word) {
    uint64_t inverse = ~word;
    if (__builtin_expect(!((inverse - 0x0101010101010101u) & ~inverse & 0x8080808080808080u), 1)) {
        uint64_t swapped = __builtin_bswap64(word);
        memcpy(out->at, &swapped, 8);
        out->at += 8;
        return;
    }
    for (int shift = 56; shift >= 0; shift -= 8) {
        uint8_t byte = (uint8_t)(word >> shift);
        *out->at++ = byte;
        if (byte == 0xFF) *out->at++ = 0;
    }
}

/* `count` bits, fewer than 64; what is held stays below 64. */
INLINE void put(Out *out, uint32_t value, int count) {
    int room = 64 - out->held;
    if (__builtin_expect(count >= room, 0)) {
        int over = count - room;
        put_bytes(out, out->bits << room | value >> over);
        out->bits = value;
        out->held = over;
    } else {
        out->bits = out->bits << count | value;
        out->held += count;
    }
}

/* A code and as many bits as the category says, which tell the value. */
INLINE void put_value(Out *out, uint32_t code, int value, int category) {
    uint32_t rest = (uint32_t)(value + (value >> 31)) & ((1u << category) - 1);
    put(out, (code >> 8) << category | rest, (int)(code & 255) + category);
}

/* How many bits its size takes; 0 for 0. */
INLINE int category_of(int value) {
    return 31 - __builtin_clz(2u * (unsigned)(value < 0 ? -value : value) + 1);
}

/* Eight cosines of each column, which `factors` scale. */
INLINE void transform(Floats v[SIDE]) {
    Floats s0 = v[0] + v[7], d0 = v[0] - v[7], s1 = v[1] + v[6], d1 = v[1] - v[6];
    Floats s2 = v[2] + v[5], d2 = v[2] - v[5], s3 = v[3] + v[4], d3 = v[3] - v[4];
    Floats e0 = s0 + s3, e3 = s0 - s3, e1 = s1 + s2, e2 = s1 - s2;
    v[0] = e0 + e1;
    v[4] = e0 - e1;
    Floats turned = (e2 + e3) * 0.707106781f;
    v[2] = e3 + turned;
    v[6] = e3 - turned;
    Floats o0 = d3 + d2, o1 = d2 + d1, o2 = d1 + d0;
    Floats both = (o0 - o2) * 0.382683433f;
    Floats low = 0.541196100f * o0 + both, high = 1.306562965f * o2 + both;
    Floats middle = o1 * 0.707106781f;
    Floats plus = d0 + middle, minus = d0 - middle;
    v[5] = minus + low;
    v[3] = minus - low;
    v[1] = plus + high;
    v[7] = plus - high;
}

/* Rows to columns, in each of two blocks side by side. */
INLINE void transpose(Floats v[SIDE]) {
    Floats a[SIDE], b[SIDE];
    for (int i = 0; i < 4; i++) {
        a[2 * i] = PAIR(v[2 * i], v[2 * i + 1], 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30);
        a[2 * i + 1] = PAIR(v[2 * i], v[2 * i + 1], 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31);
    }
    for (int i = 0; i < 8; i++) {
        int one = (i & 4) | (i & 1), two = one | 2;
        b[i] = i & 2 ? PAIR(a[one], a[two], 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)
                     : PAIR(a[one], a[two], 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
    }
    for (int i = 0; i < 8; i++) {
        int one = i & 3, two = one | 4;
        v[i] = i & 4 ? PAIR(b[one], b[two], 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31)
                     : PAIR(b[one], b[two], 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27);
    }
}

#define FIRST 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23
#define SECOND 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31
#define JOIN(a, b) PAIR(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, \
                        16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31)
/* Coefficients of two blocks, as columns after columns, whole and quantised. */
INLINE void quantised(Floats v[SIDE], const float *factors, int16_t blocks[2][PIXELS]) {
    transform(v);
    transpose(v);
    transform(v);
    Shorts narrow[SIDE];
    for (int i = 0; i < SIDE; i++) {
        Floats factor;
        memcpy(&factor, factors + SIDE * i, 32);
        memcpy((char *)&factor + 32, factors + SIDE * i, 32);
        Floats rounded = v[i] * factor + 12582912.0f; /* whose lowest bits are the nearest whole number */
        Wholes bits;
        memcpy(&bits, &rounded, 64);
        narrow[i] = __builtin_convertvector(bits, Shorts);
    }
    for (int i = 0; i < SIDE; i += 4) {
        Shorts one[2] = {PAIR(narrow[i], narrow[i + 1], FIRST), PAIR(narrow[i + 2], narrow[i + 3], FIRST)};
        Shorts two[2] = {PAIR(narrow[i], narrow[i + 1], SECOND), PAIR(narrow[i + 2], narrow[i + 3], SECOND)};
        Half a = JOIN(one[0], one[1]), b = JOIN(two[0], two[1]);
        memcpy(blocks[0] + SIDE * i, &a, 64);
        memcpy(blocks[1] + SIDE * i, &b, 64);
    }
}

/* A bit for each value that is not 0. */
INLINE uint32_t present(Half values) {
    Flags flags = __builtin_convertvector(values != 0, Flags);
    uint32_t bits;
    memcpy(&bits, &flags, 4);
    return bits;
}

/* One block (T.81, F.1.2); `before` is the first coefficient of the last one of its colour. */
INLINE void code(Out *out, const Kind *kind, const int16_t block[PIXELS], int *before) {
    Half low, high;
    memcpy(&low, block, 64);
    memcpy(&high, block + 32, 64);
    /* The zigzag of T.81 through columns of 8. */
    Half zigzag[2] = {
        PAIR(low, high, 0, 8, 1, 2, 9, 16, 24, 17, 10, 3, 4, 11, 18, 25, 32, 40,
             33, 26, 19, 12, 5, 6, 13, 20, 27, 34, 41, 48, 56, 49, 42, 35),
        PAIR(low, high, 28, 21, 14, 7, 15, 22, 29, 36, 43, 50, 57, 58, 51, 44, 37, 30,
             23, 31, 38, 45, 52, 59, 60, 53, 46, 39, 47, 54, 61, 62, 55, 63),
    };
    int16_t values[PIXELS];
    memcpy(values, zigzag, sizeof values);
    uint64_t left = (present(zigzag[0]) | (uint64_t)present(zigzag[1]) << 32) & ~(uint64_t)1;
    int difference = values[0] - *before, category = category_of(difference), last = 0;
    *before = values[0];
    put_value(out, kind->first[category], difference, category);
    while (left) {
        int at = __builtin_ctzll(left), zeros = at - last - 1;
        left &= left - 1;
        for (; __builtin_expect(zeros > ZEROS, 0); zeros -= ZEROS + 1)
            put(out, kind->others[ZEROS << 4] >> 8, (int)(kind->others[ZEROS << 4] & 255));
        int value = values[at];
        category = category_of(value);
        put_value(out, kind->others[zeros << 4 | category], value, category);
        last = at;
    }
    if (last < PIXELS - 1) put(out, kind->others[0] >> 8, (int)(kind->others[0] & 255));
}

INLINE Floats floats(Bytes bytes) { return __builtin_convertvector(bytes, Floats); }

/* Brightness about its middle and two differences of colour (JFIF 1.02) of AT_ONCE pixels, not rounded. */
INLINE void colors(const uint8_t *pixels, Floats *y, Floats *cb, Floats *cr) {
    Bytes one, two, three;
    memcpy(&one, pixels, 16);
    memcpy(&two, pixels + 16, 16);
    memcpy(&three, pixels + 32, 16);
    Bytes r = PAIR(one, two, 0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 0, 0, 0, 0, 0);
    Bytes g = PAIR(one, two, 1, 4, 7, 10, 13, 16, 19, 22, 25, 28, 31, 0, 0, 0, 0, 0);
    Bytes b = PAIR(one, two, 2, 5, 8, 11, 14, 17, 20, 23, 26, 29, 0, 0, 0, 0, 0, 0);
    Floats red = floats(PAIR(r, three, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 17, 20, 23, 26, 29));
    Floats green = floats(PAIR(g, three, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 18, 21, 24, 27, 30));
    Floats blue = floats(PAIR(b, three, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 19, 22, 25, 28, 31));
    *y = 0.299f * red + 0.587f * green + 0.114f * blue - 128.0f;
    *cb = -0.168735892f * red - 0.331264108f * green + 0.5f * blue;
    *cr = 0.5f * red - 0.418687589f * green - 0.081312411f * blue;
}

/* The pixels of a row beyond the picture's right side are its last. */
INLINE const uint8_t *filled(const uint8_t *row, int left, uint8_t spare[COLORS * AT_ONCE]) {
    if (left >= AT_ONCE) return row;
    for (int x = 0; x < AT_ONCE; x++) memcpy(spare + COLORS * x, row + COLORS * (x < left ? x : left - 1), COLORS);
    return spare;
}

/* Bytes of the scan, or NO_ROOM. */
INLINE int64_t scan(const Picture *picture, uint8_t *coded, int64_t room) {
    Out out = {coded, 0, 0};
    int before[COLORS] = {0, 0, 0};
    for (int top = 0; top < picture->height; top += SIDE) {
        for (int left = 0; left < picture->width; left += AT_ONCE) {
            if (coded + room - out.at < 2 * COLORS * MOST_BYTES) return NO_ROOM;
            Floats y[SIDE], cb[SIDE], cr[SIDE];
            for (int i = 0; i < SIDE; i++) {
                int row = top + i < picture->height ? top + i : picture->height - 1;
                uint8_t spare[COLORS * AT_ONCE];
                const uint8_t *from = picture->pixels + row * picture->stride + COLORS * left;
                colors(filled(from, picture->width - left, spare), &y[i], &cb[i], &cr[i]);
            }
            int16_t blocks[COLORS][2][PIXELS];
            quantised(y, picture->luma.factors, blocks[0]);
            quantised(cb, picture->chroma.factors, blocks[1]);
            quantised(cr, picture->chroma.factors, blocks[2]);
            for (int block = 0; block < 2 && left + SIDE * block < picture->width; block++)
                for (int color = 0; color < COLORS; color++)
                    code(&out, color ? &picture->chroma : &picture->luma, blocks[color][block], &before[color]);
        }
    }
    while (out.held > 0) { /* the rest, filled with ones */
        int count = out.held < 8 ? out.held : 8;
        uint8_t byte = (uint8_t)((out.bits >> (out.held - count)) << (8 - count) | (0xFF >> count));
        *out.at++ = byte;
        if (byte == 0xFF) *out.at++ = 0;
        out.held -= count;
    }
    return out.at - coded;
}

#define SCAN(set, features) \
    features int64_t anylens_jpeg_scan_##set(const Picture *picture, uint8_t *coded, int64_t room) { \
        return scan(picture, coded, room); \
    }
#ifdef __x86_64__
SCAN(avx512, __attribute__((target("avx512f,avx512cd,avx512vl,avx512dq,avx512bw,avx2,fma,f16c,bmi,bmi2,lzcnt"))))
SCAN(avx2, __attribute__((target("avx2,avx,fma,f16c,sse4.1,bmi,bmi2,lzcnt"))))
SCAN(sse41, __attribute__((target("sse4.1"))))
#else
SCAN(neon, )
#endif
