// All of Asio that is not a template, once (ASIO_SEPARATE_COMPILATION).

// Asio looks at what the standard library has said about itself to choose how it allocates. Without
// a header of it before Asio's, this file would choose otherwise than the files that use Asio, and
// release with one function what they allocate with another.
#include <cstddef>

#include <asio/impl/src.hpp>
