# citer_embed(OUTPUT.cpp HEADER NAMESPACE NAME=FILE ...): a source that defines each NAME as a
# std::string_view of FILE's bytes. Made again when a file changes.

function(citer_embed output header namespace)
  set(files)
  foreach(item ${ARGN})
    string(REGEX REPLACE "^[^=]*=" "" file ${item})
    list(APPEND files ${file})
  endforeach()
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${output} -DHEADER=${header} -DNAMESPACE=${namespace}
      "-DITEMS=${ARGN}" -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
    DEPENDS ${files} ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
    COMMENT "Embedding into ${output}"
    VERBATIM)
endfunction()
