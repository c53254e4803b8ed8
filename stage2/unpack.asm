; SPDX-License-Identifier: MIT
; Unpacks what pack.c packed: %include it where 32-bit code is wanted. Owns the packed format's reading side and knows
; nothing of where the stream lies, of the BIOS, or of what is in it.
;
; The stream: one marker byte, then UCL's NRV2B with an 8-bit bit buffer and its end mark. The result then still has its
; CALL and JMP targets absolute, which packs smaller because calls of one function look alike: E8h or E9h, the marker,
; 00h, and the target as 16 bits, high byte first. The target counts from the image start, plus 4 gives the address.
; The packer has chosen a marker that follows no other E8h or E9h.

UNPACK_FAR_OFFSET       equ     0x0D01  ; from here a match is one byte longer
UNPACK_CALL             equ     0xE8    ; E9h is JMP

        bits    32

; Unpack a stream.
; In:       ESI = packed stream, EDI = destination, flat 32-bit; the two may not overlap. A damaged stream may write
;           anywhere: check it before
; Out:      EDI = end of the unpacked image
; Clobbers: EAX, EBX, ECX, EDX, EBP, ESI, flags (DF = 0); 12 bytes of stack
unpack:
        cld
        lodsb
        xchg    edx, eax                ; DL = the marker
        push    edi
        mov     bl, 0x80                ; an empty bit buffer: only the bit that ends it
        push    1
        pop     ebp                     ; the last offset
        jmp     .token

.literal:
        movsb
.token: add     bl, bl                  ; .bit, here for speed
        jnz     .which
        call    .refill
.which: jc      .literal

        ; A match. Offset: a number in pairs of bits (bit, "that was all"), 2 = the last offset again.
        push    1
        pop     eax
.offset:
        call    .bit
        adc     eax, eax
        call    .bit
        jnc     .offset
        sub     eax, 3
        jb      .again
        shl     eax, 8
        lodsb
        inc     eax
        jz      .calls                  ; the end mark
        xchg    ebp, eax
.again:
        ; Length: 1, 2, 3 in two bits, or 00 and a number in pairs of bits.
        xor     ecx, ecx
        call    .bit
        adc     ecx, ecx
        call    .bit
        adc     ecx, ecx
        jnz     .copy
        inc     ecx
.length:
        call    .bit
        adc     ecx, ecx
        call    .bit
        jnc     .length
        inc     ecx
        inc     ecx
.copy:  cmp     ebp, UNPACK_FAR_OFFSET
        sbb     ecx, -2                 ; one more, and yet one more when far
        push    esi
        mov     esi, edi
        sub     esi, ebp
        rep     movsb                   ; byte by byte: a match may run into its own output
        pop     esi
        jmp     .token

; Next bit of the stream. In: BL, ESI. Out: CF; BL and ESI move on. Clobbers: the other flags
.bit:   add     bl, bl
        jnz     .got
.refill:
        mov     bl, [esi]               ; the bit that fell out was the end of the buffer: put it back at the other end
        inc     esi
        adc     bl, bl
.got:   ret

; Give the CALL and JMP instructions their distances back. DL = marker, EDI = end, start on the stack.
.calls: pop     ebp
        mov     esi, ebp
        mov     ecx, edi
        sub     ecx, ebp
        jmp     .start
.next:  lodsb
        and     al, 0xFE
        cmp     al, UNPACK_CALL
        loopne  .next
        jne     .done
        cmp     [esi], dl
        jne     .more
        movzx   eax, word [esi + 2]
        xchg    al, ah
        sub     eax, esi
        add     eax, ebp
        mov     [esi], eax
        add     esi, 4
.start: sub     ecx, 4                  ; ECX = opcodes to look at: the operand of the last one ends the image
.more:  test    ecx, ecx
        jg      .next
.done:  ret
