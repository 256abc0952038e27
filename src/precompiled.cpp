// Owner of the precompiled headers; see cmake/NnunetRooms.cmake.
