; SPDX-License-Identifier: MIT
; Boot sector of a FAT12 floppy. Owns the way from the BIOS to one file of the root directory at 2000:0000; must not
; know what that file is: STAGE2.BIN, or NTLDR once the host tool has patched the eleven name bytes at FILE_NAME.
;
; In:  what every BIOS gives: this sector at 0000:7C00 or 07C0:0000, DL = boot drive (00h, or 80h for a USB stick)
; Out: 2000:0000 entered with the whole file there, DL = drive, SS:SP = 0000:7C00, DS = ES = 0, this sector with its
;      BPB and the drive byte at 0000:7C00, SI = BOOT_MAGIC, BX = LBA of the FAT sector left at 0000:0600,
;      CX = LBA of the root directory sector left at 0000:0800
;
; Geometry, FAT and root directory come from the BPB. All LBAs count from the start of the disk, so a stick's partition
; needs its hidden sectors there, and must end below sector 65536; a floppy has none. Sectors have 512 bytes. What counts
; on a floppy is the number of reads: nothing is read that is not needed, and consecutive clusters go in one call per
; track. The BIOS's diskette parameters stay untouched.

        cpu 8086
        bits 16
        org 0x7C00

FAT_WINDOW      equ 0x0600              ; these five are also in stage2/layout.h
ROOT_WINDOW     equ 0x0800
BOOT_SECTOR     equ 0x7C00
LOAD_SEGMENT    equ 0x2000              ; the file must end below 8000:0000, where the segment turns negative
BOOT_MAGIC      equ 0x4654
FILE_NAME       equ 0x01F3              ; offset in the sector; the host tool patches it

SECTOR          equ 512
PACKET_SIZE     equ 16
TRIES           equ 5                   ; the motor of a cold drive alone costs one or two
ENTRY_SIZE      equ 32
ENTRY_ATTR      equ 11
ENTRY_CLUSTER   equ 26
NAME_LENGTH     equ 11
REASON_TEXT     equ 18                  ; what the message says before the name
NOT_A_FILE      equ 0x18                ; volume label (long names carry it too) or directory
FIRST_CLUSTER   equ 2
CLUSTER_BAD     equ 0xFF0               ; from here on reserved or bad ...
CLUSTER_END     equ 0xFF8               ; ... and from here on the end of the chain

; BP = BOOT_SECTOR all along: the BPB lies above it, and below it the three words that are pushed first.
bpb_cluster     equ 0x0D
bpb_reserved    equ 0x0E
bpb_fats        equ 0x10
bpb_root        equ 0x11
bpb_fat_size    equ 0x16
bpb_track       equ 0x18
bpb_heads       equ 0x1A
bpb_hidden      equ 0x1C
bpb_drive       equ 0x24
fat_lba         equ -2                  ; sector in FAT_WINDOW
data_lba        equ -4                  ; first sector of cluster 2
                                        ; third word: LBA of the sector after the one in ROOT_WINDOW

        jmp short start
        nop
        db 'MKBOOTDK'
        dw SECTOR                       ; the BPB of a 1.44 MB floppy; formatting puts its own here
        db 1                            ; sectors per cluster
        dw 1                            ; reserved sectors
        db 2                            ; FATs
        dw 224                          ; root entries
        dw 2880                         ; sectors
        db 0xF0                         ; media
        dw 9                            ; sectors per FAT
        dw 18                           ; sectors per track
        dw 2                            ; heads
        dd 0                            ; hidden sectors
        dd 0                            ; sectors, if they do not fit above
        db 0, 0, 0x29                   ; drive, flags, the next three are there
        dd 0                            ; serial
        db 'NO NAME    '
        db 'FAT12   '

; CS may be 0000 or 07C0. It is never used: all jumps up to the last one are relative.
start:
        xor cx, cx
        mov bp, BOOT_SECTOR
        mov ss, cx                      ; lets no interrupt in before the next instruction
        mov sp, bp
        sti
        mov ds, cx
        push cx                         ; fat_lba: none, for sector 0 is this one
        mov [bp + bpb_drive], dl

        mov al, [bp + bpb_fats]
        cbw
        mul word [bp + bpb_fat_size]
        add ax, [bp + bpb_reserved]
        add ax, [bp + bpb_hidden]       ; AX = first sector of the root directory
        mov dx, [bp + bpb_root]
        mov cl, 4
        shr dx, cl                      ; 16 entries in a sector
        add dx, ax
        push dx                         ; data_lba
.root_sector:
        cmp ax, [bp + data_lba]
        je missing
        mov bx, ROOT_WINDOW
        mov di, bx
        call read_one
.entry:
        cmp [di], ch                    ; a zero ends the directory
        je missing
        push di
        mov si, BOOT_SECTOR + FILE_NAME
        mov cl, NAME_LENGTH
        repe cmpsb
        pop di
        jne .next_entry
        test byte [di + ENTRY_ATTR], NOT_A_FILE
        jz load
.next_entry:
        add di, ENTRY_SIZE
        cmp di, bx                      ; BX = end of the window
        jb .entry
        jmp .root_sector

; The one message and the way back to the BIOS; `missing` finds its reason already in the text.
; In:  AX = two characters that tell the reason
; Out: does not return
fail:
        mov [reason], ax
missing:
        mov si, text
        mov cx, REASON_TEXT + NAME_LENGTH
.next:
        lodsb
        ; INT 10h AH=0E: AL = character, BH = page; returns nothing
        mov ah, 0x0E
        mov bh, 0
        int 0x10
        loop .next
        ; INT 16h AH=00: waits; returns AX = key. INT 19h: starts the machine once more
        xchg ax, cx                     ; the loop has left CX = 0
        int 0x16
        int 0x19

; Loads the file run by run; a run is a piece of the chain whose clusters follow each other.
; In:  DI = its directory entry, AX = LBA behind the root directory sector that holds it
load:
        push ax
        mov si, [di + ENTRY_CLUSTER]
        mov ax, LOAD_SEGMENT
        mov es, ax
        xor bx, bx
.run:
        push si
.longer:
        call next_cluster
        inc si
        cmp ax, si
        je .longer
        xchg ax, si                     ; SI = first cluster of the next run, AX = the one after this run
        pop di
        sub ax, di
        mov cl, [bp + bpb_cluster]
        mov ch, 0
        mul cx
        push ax
        lea ax, [di - FIRST_CLUSTER]    ; makes clusters 0 and 1 large numbers
        cmp ax, CLUSTER_BAD - FIRST_CLUSTER
        jae damaged
        mul cx
        add ax, [bp + data_lba]
        pop cx
        call read
        cmp si, CLUSTER_END
        jb .run

        pop cx
        dec cx                          ; LBA in ROOT_WINDOW
        pop ax
        pop bx                          ; LBA in FAT_WINDOW; SP is back at BOOT_SECTOR
        mov dl, [bp + bpb_drive]
        mov si, BOOT_MAGIC
        push ds
        pop es
        jmp LOAD_SEGMENT:0

; The chain leads nowhere, or does not end below 8000:0000.
damaged:
        mov ax, '!!'
        jmp fail

; In: AH = status of the BIOS
unreadable:
        mov al, ah
        aam 16                          ; AH = high digit, AL = low digit
        call .digit
        xchg al, ah
        call .digit
        jmp fail
.digit:
        cmp al, 10                      ; the carry parts 0-9 from 10-15
        sbb al, 0x69
        das
        ret

; In:  AX = LBA, BX = window in segment 0
; Out: AX = LBA + 1, BX = end of the window, CX = 0, ES = 0
; Clobbers: DX
read_one:
        xor cx, cx
        mov es, cx
        inc cx
; Reads sectors in as few calls as real drives allow: none past the end of a track, none over a 64 KiB boundary, which
; the DMA controller cannot cross. Does not return when a sector is unreadable or the target reaches 8000:0000.
; In:  AX = LBA, CX = sectors, at least 1, ES:BX = target, BX a multiple of 512
; Out: AX = LBA and ES:BX = target behind the last sector, CX = 0
; Clobbers: DX
read:
        push si
        push di
.part:
        push cx
        push ds
        push ds
        push ds
        push ax                         ; with the three zeros the end of a disk address packet
        mov al, bh
        not al
        shr al, 1
        cbw
        inc ax                          ; AX = sectors up to the boundary
        cmp cx, ax
        jbe .fits_page
        xchg cx, ax
.fits_page:
        pop ax
        push ax
        xor dx, dx
        div word [bp + bpb_track]       ; AX = track, DX = sector on it, from 0
        mov di, [bp + bpb_track]
        sub di, dx
        cmp di, cx
        jbe .fits_track
        mov di, cx
.fits_track:
        mov cx, dx
        inc cx
        xor dx, dx
        div word [bp + bpb_heads]
        mov ch, al
        mov dh, dl
        mov si, TRIES
.try:
        push es
        push bx
        push di
        mov ax, PACKET_SIZE
        push ax
        mov ax, sp
        mov dl, [bp + bpb_drive]
        push cx
        push dx
        push si
        push di
        ; INT 13h AH=02: AL = sectors, CH = cylinder, CL = sector from 1, DH = head, DL = drive, ES:BX = target; or, as
        ; a stick that is started as a hard disk has the geometry its BIOS invented, whatever the BPB says,
        ; INT 13h AH=42: DL = drive, DS:SI = packet, whose count may change;
        ; both return CF, AH = status. Some BIOSes lose other registers, leave interrupts off or forget to set CF.
        xchg ax, si
        mov ax, di
        mov ah, 0x02
        or dl, dl
        jns .call
        mov ah, 0x42
.call:
        stc
        int 0x13
        sti
        cld
        pop di
        pop si
        pop dx
        pop cx
        pop bx
        pop bx
        pop bx
        pop es
        jnc .done
        dec si
        jz unreadable
        ; INT 13h AH=00: DL = drive; returns CF, AH = status
        mov ah, 0x00
        int 0x13
        jmp .try
.done:
        pop ax
        pop cx
        pop cx
        pop cx
        add ax, di
        mov cx, di
        shl cl, 1
        add bh, cl                      ; two times 256 bytes each
        jnc .same_page
        mov cx, es
        add ch, 0x10
        mov es, cx
        js damaged
.same_page:
        pop cx
        sub cx, di
        jnz .part
        pop di
        pop si
        ret

; One FAT entry. It may begin in one sector and end in the next, so it is fetched byte by byte.
; In:  SI = cluster
; Out: AX = its entry, 12 bits
; Clobbers: CX DX
next_cluster:
        push es
        push bx
        mov bx, si
        shr bx, 1
        pushf                           ; CF: odd
        add bx, si                      ; an entry has one and a half bytes
        call .byte
        push ax
        call .byte
        pop cx
        mov ch, al
        xchg ax, cx
        popf
        pop bx
        pop es
        jnc .even
        mov cl, 4
        shr ax, cl
.even:
        and ah, 0x0F
        ret

; In:  BX = offset in the FAT
; Out: AL = the byte there, BX = BX + 1
; Clobbers: AH CX DX ES
.byte:
        push bx
        mov al, bh
        shr al, 1
        cbw
        add ax, [bp + bpb_reserved]
        add ax, [bp + bpb_hidden]
        cmp ax, [bp + fat_lba]
        je .in_window
        mov [bp + fat_lba], ax
        mov bx, FAT_WINDOW
        call read_one
.in_window:
        pop bx
        push bx
        and bh, 1
        mov al, [bx + FAT_WINDOW]
        pop bx
        inc bx
        ret

        times FILE_NAME - REASON_TEXT - ($ - $$) db 0   ; an error here: the code is too long
text:
        db 13, 10, 'Press a key: '
reason:
        db 'no '
        times FILE_NAME - ($ - $$) db 0
        db 'STAGE2  BIN'                ; FILE_NAME, and the end of the text
        dw 0xAA55
