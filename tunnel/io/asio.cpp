// All of Asio that is not a template, once (ASIO_SEPARATE_COMPILATION).
#include <asio/impl/src.hpp>
