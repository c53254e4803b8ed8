; SPDX-License-Identifier: MIT
; The assembled boot/int13.asm as data of stage 2.

        global int13_image, int13_image_bytes

        section .rodata
int13_image:
        incbin  "int13.bin"
.end:
        align 4
int13_image_bytes:
        dd int13_image.end - int13_image

        section .note.GNU-stack noalloc noexec nowrite progbits
