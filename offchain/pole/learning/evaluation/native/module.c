/* The Python binding: refuses with ValueError what a path could not bear, releases the GIL, and names the code paths that
 * this machine can run. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "convolution.h"

#define MAX_WINDOW 1024
#define MAX_RESULTS ((size_t)1 << 36)

static bool runs_here(const path *p)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (p == &path_avx2) return __builtin_cpu_supports("avx2");
    if (p == &path_vnni)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
#endif
    return p == &path_portable;
}

static const path *const PATHS[] = {
#if defined(__x86_64__)
    &path_vnni,
    &path_avx2,
#endif
    &path_portable,
};
#define PATH_COUNT (sizeof PATHS / sizeof *PATHS)

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

/* An "O&" converter. */
static int to_path(PyObject *name, void *out)
{
    for (size_t i = 0; PyUnicode_Check(name) && i < PATH_COUNT; i++) {
        if (PyUnicode_CompareWithASCIIString(name, PATHS[i]->name) != 0 || !runs_here(PATHS[i])) continue;
        *(const path **)out = PATHS[i];
        return 1;
    }
    PyErr_Format(PyExc_ValueError, "no code path %S on this machine", name);
    return 0;
}

/* An "O&" converter. */
static int to_size(PyObject *number, void *out)
{
    Py_ssize_t size = PyNumber_AsSsize_t(number, PyExc_OverflowError);
    if (size == -1 && PyErr_Occurred()) return 0;
    if (size < 0 || (size_t)size > MAX_SIZE) {
        PyErr_Format(PyExc_ValueError, "sizes are from 0 to %zu, not %zd", MAX_SIZE, size);
        return 0;
    }
    *(size_t *)out = (size_t)size;
    return 1;
}

/* Or what no buffer has. */
static size_t product(size_t a, size_t b)
{
    size_t result;
    return __builtin_mul_overflow(a, b, &result) ? SIZE_MAX : result;
}

/* Why these sizes are no convolution, or NULL. Within these limits no size of what it needs overflows. */
static const char *size_refusal(const convolution *c)
{
    if (!c->channels || !c->height || !c->width || !c->outputs || !c->stride || !c->pool_stride)
        return "channels, sides, outputs and strides are at least 1";
    if (product(c->channels, product(c->height, c->width)) > MAX_SIZE) return "a sample is too large";
    if (c->kernel < 1 || c->kernel > MAX_WINDOW || c->padding > MAX_WINDOW) return "such a kernel or padding is not known";
    size_t height = c->height + 2 * c->padding, width = c->width + 2 * c->padding;
    if (c->kernel > height || c->kernel > width) return "the kernel is larger than the image";
    height = sides(height, c->kernel, c->stride), width = sides(width, c->kernel, c->stride);
    if (c->pool < 1 || c->pool > height || c->pool > width) return "the window of the pooling does not fit";
    if (product(product(height, width), c->outputs) > MAX_RESULTS) return "there are too many results";
    return NULL;
}

enum { X, WEIGHTS, BIAS, OUT, UNFIT, BUFFERS };

/* Raises ValueError unless every buffer has its number of bytes, and begins where its elements may. */
static bool check_buffers(const convolution *c, size_t lanes, const Py_buffer *views)
{
    size_t height = sides(c->height + 2 * c->padding, c->kernel, c->stride);
    size_t width = sides(c->width + 2 * c->padding, c->kernel, c->stride);
    size_t results = c->outputs * sides(height, c->pool, c->pool_stride) * sides(width, c->pool, c->pool_stride);
    size_t lane_count = (c->outputs + lanes - 1) / lanes * lanes;
    const size_t items[BUFFERS] = {sizeof(double), sizeof(int16_t), sizeof(int32_t), sizeof(double), 1};
    const size_t counts[BUFFERS] = {
        [X] = product(c->samples, c->channels * c->height * c->width),
        [WEIGHTS] = product(lane_count, 2 * pairs_of(c)),
        [BIAS] = lane_count,
        [OUT] = product(c->samples, results),
        [UNFIT] = c->samples,
    };
    for (int i = 0; i < BUFFERS; i++) {
        size_t bytes = product(counts[i], items[i]);
        if ((size_t)views[i].len != bytes) {
            PyErr_Format(PyExc_ValueError, "buffer %d has %zd bytes instead of %zu", i, views[i].len, bytes);
            return false;
        }
        if ((uintptr_t)views[i].buf % items[i] != 0) {
            PyErr_Format(PyExc_ValueError, "buffer %d is not aligned for %zu bytes an element", i, items[i]);
            return false;
        }
    }
    return true;
}

static PyObject *run_convolution(convolution *c, const path *p, const Py_buffer *views)
{
    const char *refusal = size_refusal(c);
    if (refusal) return PyErr_Format(PyExc_ValueError, "%s", refusal);
    if (!check_buffers(c, p->lanes, views)) return NULL;
    c->weights = views[WEIGHTS].buf, c->bias = views[BIAS].buf;
    bool done = true;
    Py_BEGIN_ALLOW_THREADS
    if (c->samples) done = p->convolve(c, views[X].buf, views[OUT].buf, views[UNFIT].buf);
    Py_END_ALLOW_THREADS
    if (!done) return PyErr_NoMemory();
    Py_RETURN_NONE;
}

/* convolve(path, (samples, channels, height, width), (outputs, kernel, stride, padding), (pool, pool_stride, rectified),
 * x, weights, bias, out, unfit) */
static PyObject *py_convolve(PyObject *self, PyObject *args)
{
    (void)self;
    const path *p;
    convolution c = {0};
    size_t rectified;
    Py_buffer views[BUFFERS] = {0};
    PyObject *result = NULL;
    if (PyArg_ParseTuple(args, "O&(O&O&O&O&)(O&O&O&O&)(O&O&O&)y*y*y*w*w*", to_path, &p, to_size, &c.samples, to_size,
                         &c.channels, to_size, &c.height, to_size, &c.width, to_size, &c.outputs, to_size, &c.kernel,
                         to_size, &c.stride, to_size, &c.padding, to_size, &c.pool, to_size, &c.pool_stride, to_size,
                         &rectified, &views[X], &views[WEIGHTS], &views[BIAS], &views[OUT], &views[UNFIT])) {
        c.rectified = rectified != 0;
        result = run_convolution(&c, p, views);
        for (int i = 0; i < BUFFERS; i++) PyBuffer_Release(&views[i]);
        return result;
    }
    return refuse();
}

/* A list of (name, lanes). */
static PyObject *paths(PyObject *self, PyObject *unused)
{
    (void)self, (void)unused;
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list && i < PATH_COUNT; i++) {
        if (!runs_here(PATHS[i])) continue;
        PyObject *item = Py_BuildValue("(sn)", PATHS[i]->name, (Py_ssize_t)PATHS[i]->lanes);
        if (!item || PyList_Append(list, item) < 0) Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

static PyMethodDef methods[] = {
    {"paths", paths, METH_NOARGS, "The code paths that this machine can run and their lanes, fastest first."},
    {"convolve", py_convolve, METH_VARARGS, "Activations convolved, rectified and pooled."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_native", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__native(void)
{
    return PyModule_Create(&module);
}
