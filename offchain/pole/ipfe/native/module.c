/* The Python binding: refuses with ValueError what a kernel could not bear, releases the GIL, and names the code paths that
 * this machine can run. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "kernel.h"

#include <stdlib.h>
#include <string.h>

/* Of tables: 512 MiB. */
#define MAX_LAST ((1 << 24) - 1)

static const char SCHEDULE[] = "pole.ipfe._native.schedule", LOGARITHMS[] = "pole.ipfe._native.logarithms";

static int runs_here(const kernel *k)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (k == &kernel_avx2) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (k == &kernel_ifma)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512ifma");
#endif
    return k == &kernel_portable;
}

static const kernel *const KERNELS[] = {
#if defined(__x86_64__)
    &kernel_ifma,
    &kernel_avx2,
#endif
    &kernel_portable,
};
#define KERNEL_COUNT (sizeof KERNELS / sizeof *KERNELS)

/* What the parser of arguments raised becomes a ValueError, but for a lack of memory. */
static PyObject *refuse(void)
{
    if (!PyErr_ExceptionMatches(PyExc_TypeError) && !PyErr_ExceptionMatches(PyExc_BufferError) &&
        !PyErr_ExceptionMatches(PyExc_OverflowError))
        return NULL;
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_Format(PyExc_ValueError, "%S", value);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    return NULL;
}

/* An "O&" converter: "K" and "I" would take an integer modulo their size. */
static int to_integer(PyObject *number, void *out)
{
    PyObject *index = PyNumber_Index(number);
    if (!index) return 0;
    *(unsigned long long *)out = PyLong_AsUnsignedLongLong(index);
    Py_DECREF(index);
    return !PyErr_Occurred();
}

/* An "O&" converter. Tables are built under the GIL, so once. */
static int to_kernel(PyObject *name, void *out)
{
    for (size_t i = 0; PyUnicode_Check(name) && i < KERNEL_COUNT; i++) {
        if (PyUnicode_CompareWithASCIIString(name, KERNELS[i]->name) != 0 || !runs_here(KERNELS[i])) continue;
        if (KERNELS[i]->prepare() != DONE) {
            PyErr_NoMemory();
            return 0;
        }
        *(const kernel **)out = KERNELS[i];
        return 1;
    }
    PyErr_Format(PyExc_ValueError, "no kernel %S on this machine", name);
    return 0;
}

/* The buffers of one call; one of `item` bytes an element, 0 for bytes, has to be aligned so. */
typedef struct {
    Py_buffer view[6];
    Py_ssize_t expected[6];
    size_t item[6];
    int count;
} buffers;

/* So many bytes, or more than any buffer has. */
static Py_ssize_t product(Py_ssize_t a, Py_ssize_t b, Py_ssize_t c)
{
    Py_ssize_t result;
    bool overflows = __builtin_mul_overflow(a, b, &result) || __builtin_mul_overflow(result, c, &result);
    return overflows ? PY_SSIZE_T_MAX : result;
}

/* Raises ValueError unless every buffer has its expected number of bytes, and begins where its elements may. */
static int check_buffers(const buffers *b)
{
    for (int i = 0; i < b->count; i++) {
        if (b->view[i].len != b->expected[i]) {
            PyErr_Format(PyExc_ValueError, "buffer %d has %zd bytes instead of %zd", i, b->view[i].len, b->expected[i]);
            return 0;
        }
        if (b->item[i] && (uintptr_t)b->view[i].buf % b->item[i] != 0) {
            PyErr_Format(PyExc_ValueError, "buffer %d is not aligned for %zu bytes an element", i, b->item[i]);
            return 0;
        }
    }
    return 1;
}

/* Raises ValueError unless buffer i holds scalars below q. */
static int check_scalars(const buffers *b, int i)
{
    const uint8_t *scalars = b->view[i].buf;
    bool reduced = true;
    for (Py_ssize_t at = 0; at < b->view[i].len; at += SCALAR_BYTES) reduced &= scalar_is_reduced(scalars + at);
    if (!reduced) PyErr_Format(PyExc_ValueError, "buffer %d has a scalar that is not reduced", i);
    return reduced;
}

static PyObject *release(buffers *b, PyObject *result)
{
    for (int i = 0; i < b->count; i++) PyBuffer_Release(&b->view[i]);
    return result;
}

/* None, or the number of a point that does not decode. */
static PyObject *report(enum outcome outcome, size_t bad)
{
    if (outcome == OUT_OF_MEMORY) return PyErr_NoMemory();
    if (outcome == INVALID_POINT) return PyLong_FromSize_t(bad);
    Py_RETURN_NONE;
}

static PyObject *names(PyObject *self, PyObject *unused)
{
    (void)self, (void)unused;
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list && i < KERNEL_COUNT; i++) {
        if (!runs_here(KERNELS[i])) continue;
        PyObject *name = PyUnicode_FromString(KERNELS[i]->name);
        if (!name || PyList_Append(list, name) < 0) Py_CLEAR(list);
        Py_XDECREF(name);
    }
    return list;
}

static PyObject *py_base_multiples(PyObject *self, PyObject *args)
{
    (void)self;
    const kernel *k;
    buffers b = {.count = 2};
    if (!PyArg_ParseTuple(args, "O&y*w*", to_kernel, &k, &b.view[0], &b.view[1])) return refuse();
    Py_ssize_t count = b.view[0].len / SCALAR_BYTES;
    b.expected[0] = b.expected[1] = SCALAR_BYTES * count;
    if (!check_buffers(&b) || !check_scalars(&b, 0)) return release(&b, NULL);
    enum outcome outcome;
    Py_BEGIN_ALLOW_THREADS
    outcome = k->base_multiples(b.view[0].buf, (size_t)count, b.view[1].buf);
    Py_END_ALLOW_THREADS
    return release(&b, report(outcome, 0));
}

/* Both encryptions take kernel, key, randomness, x, ct0, ct. */
static PyObject *encrypt_with(PyObject *args, int with_secret)
{
    const kernel *k;
    buffers b = {.count = 5, .item = {[2] = sizeof(uint32_t)}};
    if (!PyArg_ParseTuple(args, "O&y*y*y*w*w*", to_kernel, &k, &b.view[0], &b.view[1], &b.view[2], &b.view[3],
                          &b.view[4]))
        return refuse();
    Py_ssize_t dimension = b.view[0].len / ENCODED_BYTES, samples = b.view[1].len / SCALAR_BYTES;
    if (dimension == 0) {
        PyErr_SetString(PyExc_ValueError, "buffer 0 has no column");
        return release(&b, NULL);
    }
    b.expected[0] = ENCODED_BYTES * dimension;
    b.expected[1] = b.expected[3] = SCALAR_BYTES * samples;
    b.expected[2] = product(sizeof(uint32_t), samples, dimension);
    b.expected[4] = product(ENCODED_BYTES, samples, dimension);
    if (!check_buffers(&b) || !check_scalars(&b, 1) || (with_secret && !check_scalars(&b, 0))) return release(&b, NULL);
    enum outcome outcome;
    size_t bad = 0;
    const uint8_t *key = b.view[0].buf, *randomness = b.view[1].buf;
    const uint32_t *x = b.view[2].buf;
    uint8_t *ct0 = b.view[3].buf, *ct = b.view[4].buf;
    Py_BEGIN_ALLOW_THREADS
    if (with_secret)
        outcome = k->encrypt(key, (size_t)dimension, randomness, x, (size_t)samples, ct0, ct);
    else
        outcome = k->encrypt_public(key, (size_t)dimension, randomness, x, (size_t)samples, ct0, ct, &bad);
    Py_END_ALLOW_THREADS
    return release(&b, report(outcome, bad));
}

static PyObject *py_encrypt(PyObject *self, PyObject *args)
{
    (void)self;
    return encrypt_with(args, 1);
}

static PyObject *py_encrypt_public(PyObject *self, PyObject *args)
{
    (void)self;
    return encrypt_with(args, 0);
}

/* expand(kernel, encoded, affine) */
static PyObject *py_expand(PyObject *self, PyObject *args)
{
    (void)self;
    const kernel *k;
    buffers b = {.count = 2};
    if (!PyArg_ParseTuple(args, "O&y*w*", to_kernel, &k, &b.view[0], &b.view[1])) return refuse();
    Py_ssize_t count = b.view[0].len / ENCODED_BYTES;
    b.expected[0] = ENCODED_BYTES * count;
    b.expected[1] = product(AFFINE_BYTES, count, 1);
    if (!check_buffers(&b)) return release(&b, NULL);
    Py_BEGIN_ALLOW_THREADS
    k->expand(b.view[0].buf, (size_t)count, b.view[1].buf);
    Py_END_ALLOW_THREADS
    return release(&b, report(DONE, 0));
}

static PyObject *py_linear_combination(PyObject *self, PyObject *args)
{
    (void)self;
    buffers b = {.count = 3};
    if (!PyArg_ParseTuple(args, "y*y*w*", &b.view[0], &b.view[1], &b.view[2])) return refuse();
    Py_ssize_t count = b.view[0].len / ENCODED_BYTES;
    b.expected[0] = b.expected[1] = ENCODED_BYTES * count;
    b.expected[2] = ENCODED_BYTES;
    if (!check_buffers(&b) || !check_scalars(&b, 1)) return release(&b, NULL);
    enum outcome outcome;
    size_t bad = 0;
    Py_BEGIN_ALLOW_THREADS
    outcome = linear_combination(b.view[0].buf, b.view[1].buf, (size_t)count, b.view[2].buf, &bad);
    Py_END_ALLOW_THREADS
    return release(&b, report(outcome, bad));
}

static void free_schedule(PyObject *capsule)
{
    schedule *plan = PyCapsule_GetPointer(capsule, SCHEDULE);
    schedule_free(plan);
    free(plan);
}

/* build_schedule(dimension, windows (W, d) int32, W, vectors (L, d) uint16, L, keys (W, L, 32)) */
static PyObject *build_schedule(PyObject *self, PyObject *args)
{
    (void)self;
    unsigned long long dimension, windows, queries;
    buffers b = {.count = 3, .item = {sizeof(int32_t), sizeof(uint16_t)}};
    if (!PyArg_ParseTuple(args, "O&y*O&y*O&y*", to_integer, &dimension, &b.view[0], to_integer, &windows, &b.view[1],
                          to_integer, &queries, &b.view[2]))
        return refuse();
    schedule shape = {.dimension = dimension, .windows = windows, .queries = queries};
    size_t length = windows ? (size_t)b.view[0].len / sizeof(int32_t) / windows : 0;
    const char *refusal = shape_refusal(&shape, length);
    if (!refusal) {
        b.expected[0] = (Py_ssize_t)(sizeof(int32_t) * windows * length);
        b.expected[1] = (Py_ssize_t)(sizeof(uint16_t) * queries * length);
        b.expected[2] = (Py_ssize_t)(SCALAR_BYTES * windows * queries);
        if (!check_buffers(&b) || !check_scalars(&b, 2)) return release(&b, NULL);
        refusal = column_refusal(&shape, b.view[0].buf, length);
    }
    if (refusal) {
        PyErr_SetString(PyExc_ValueError, refusal);
        return release(&b, NULL);
    }
    schedule *plan = malloc(sizeof *plan);
    enum outcome outcome = OUT_OF_MEMORY;
    if (plan) {
        *plan = shape;
        Py_BEGIN_ALLOW_THREADS
        bool direct = direct_is_cheaper(plan, length, b.view[1].buf);
        outcome = (direct ? direct_build : schedule_build)(plan, b.view[0].buf, length, b.view[1].buf, b.view[2].buf);
        Py_END_ALLOW_THREADS
    }
    if (outcome == DONE) return release(&b, PyCapsule_New(plan, SCHEDULE, free_schedule));
    if (plan) schedule_free(plan);
    free(plan);
    return release(&b, PyErr_NoMemory());
}

static void free_logarithms(PyObject *capsule)
{
    logarithms *table = PyCapsule_GetPointer(capsule, LOGARITHMS);
    free(table->slots);
    free(table);
}

/* build_logarithms(kernel, last): the table of 0..last, at most two thirds full. */
static PyObject *build_logarithms(PyObject *self, PyObject *args)
{
    (void)self;
    const kernel *k;
    unsigned long long last;
    if (!PyArg_ParseTuple(args, "O&O&", to_kernel, &k, to_integer, &last)) return refuse();
    if (last > MAX_LAST) return PyErr_Format(PyExc_ValueError, "a table holds %d logarithms at most", MAX_LAST + 1);
    logarithms *table = malloc(sizeof *table);
    if (!table) return PyErr_NoMemory();
    uint64_t slots = 16;
    while (2 * slots < 3 * (last + 1)) slots *= 2;
    *table = (logarithms){(uint32_t)last, slots - 1, aligned(slots * sizeof *table->slots)};
    enum outcome outcome = OUT_OF_MEMORY;
    if (table->slots) {
        Py_BEGIN_ALLOW_THREADS
        memset(table->slots, 0xff, slots * sizeof *table->slots);
        outcome = k->build_logarithms(table);
        Py_END_ALLOW_THREADS
    }
    if (outcome == DONE) return PyCapsule_New(table, LOGARITHMS, free_logarithms);
    free(table->slots);
    free(table);
    return PyErr_NoMemory();
}

/* decrypt(kernel, schedule, logarithms, bound, ct0, ct, out): affine points where ct0 has 64 bytes for a sample. */
static PyObject *py_decrypt(PyObject *self, PyObject *args)
{
    (void)self;
    const kernel *k;
    PyObject *schedule_capsule, *logarithms_capsule;
    unsigned long long bound;
    buffers b = {.count = 3, .item = {[2] = sizeof(int64_t)}};
    if (!PyArg_ParseTuple(args, "O&OOO&y*y*w*", to_kernel, &k, &schedule_capsule, &logarithms_capsule, to_integer,
                          &bound, &b.view[0], &b.view[1], &b.view[2]))
        return refuse();
    const schedule *plan = PyCapsule_GetPointer(schedule_capsule, SCHEDULE);
    const logarithms *table = plan ? PyCapsule_GetPointer(logarithms_capsule, LOGARITHMS) : NULL;
    if (table && bound >= BOUND_LIMIT) PyErr_SetString(PyExc_ValueError, "a bound is below 2^62");
    if (!table || bound >= BOUND_LIMIT) return release(&b, NULL);
    Py_ssize_t results = (Py_ssize_t)(plan->windows * plan->queries);
    Py_ssize_t samples = b.view[2].len / (Py_ssize_t)sizeof(int64_t) / results;
    Py_ssize_t point_bytes = b.view[0].len > product(ENCODED_BYTES, samples, 1) ? AFFINE_BYTES : ENCODED_BYTES;
    b.expected[0] = product(point_bytes, samples, 1);
    b.expected[1] = product(point_bytes, samples, (Py_ssize_t)plan->dimension);
    b.expected[2] = (Py_ssize_t)sizeof(int64_t) * samples * results;
    if (!check_buffers(&b)) return release(&b, NULL);
    enum outcome outcome;
    Py_BEGIN_ALLOW_THREADS
    outcome = k->decrypt(plan, table, bound, b.view[0].buf, b.view[1].buf, (size_t)point_bytes, (size_t)samples,
                         b.view[2].buf);
    Py_END_ALLOW_THREADS
    return release(&b, report(outcome, 0));
}

static PyMethodDef methods[] = {
    {"names", names, METH_NOARGS, "The code paths that this machine can run, fastest first."},
    {"base_multiples", py_base_multiples, METH_VARARGS, "Encodings of scalars times the generator."},
    {"encrypt", py_encrypt, METH_VARARGS, "Ciphertexts under the master secret key."},
    {"encrypt_public", py_encrypt_public, METH_VARARGS, "Ciphertexts under the master public key."},
    {"expand", py_expand, METH_VARARGS, "Affine coordinates of encodings, zeros for what is none."},
    {"linear_combination", py_linear_combination, METH_VARARGS, "The encoding of a sum of scalars times points."},
    {"build_schedule", build_schedule, METH_VARARGS, "The order of additions for a plan and its functional keys."},
    {"build_logarithms", build_logarithms, METH_VARARGS, "The table of small discrete logarithms."},
    {"decrypt", py_decrypt, METH_VARARGS, "Inner products, -1 where there is no logarithm, or a point that is none."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_native", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__native(void)
{
    return PyModule_Create(&module);
}
