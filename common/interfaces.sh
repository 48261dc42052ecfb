#!/bin/sh
# Prints C source that holds the texts of the .varlink files named.
set -eu

printf '#include "common/interfaces.h"\n\nconst struct interface_text interface_texts[] = {\n'
for file in "$@"; do
    printf '    {.name = "%s",\n     .text =' "$(basename "$file" .varlink)"
    sed -e 's/[\\"]/\\&/g' -e 's/.*/         "&\\n"/' -e '1s/^/\n/' "$file"
    printf '    },\n'
done
printf '};\n\nconst size_t interface_text_count = %d;\n' "$#"
