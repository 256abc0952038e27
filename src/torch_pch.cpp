// Owner of the precompiled torch header; see cmake/NnunetRooms.cmake.
