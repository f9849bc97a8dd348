# citer_embed(OUTPUT.cpp HEADER NAMESPACE NAME=FILE ...): a source that defines each NAME as a
# std::string_view of FILE's bytes; several files joined by "|" are put one after another. Made again
# when a file changes.

function(citer_embed output header namespace)
  set(files)
  foreach(item ${ARGN})
    string(REGEX REPLACE "^[^=]*=" "" item_files ${item})
    string(REPLACE "|" ";" item_files ${item_files})
    list(APPEND files ${item_files})
  endforeach()
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${output} -DHEADER=${header} -DNAMESPACE=${namespace}
      "-DITEMS=${ARGN}" -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
    DEPENDS ${files} ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
    COMMENT "Embedding into ${output}"
    VERBATIM)
endfunction()
