; SPDX-License-Identifier: MIT
; MBR code for a disk that has none. Owns bytes 000h-1B7h of sector 0 and the way from the BIOS to the boot sector of
; the active partition; the disk signature, the partition table and 55AAh behind them are never its own, and it must
; not know what lies in the partition.
;
; In:  what a BIOS gives: sector 0 at 0000:7C00 or 07C0:0000, DL = its drive, or rubbish
; Out: 0000:7C00 entered with the boot sector there, DL = drive, DS = ES = SS = 0, SP = 7C00h, SI = BP = the active
;      entry in the copy of sector 0 at 0000:0600, interrupts on, direction up
;
; The boot sector is found by the entry's LBA. Its CHS may have been written for the geometry of another controller, so
; where the BIOS wants CHS, it is computed from the geometry that this BIOS tells. Needs a 386, as Windows NT does.

        cpu 386
        bits 16
        org 0x0600

CODE_SIZE       equ 440                 ; behind it: disk signature, a word, the table
RELOCATED       equ $$
BOOT_SECTOR     equ 0x7C00              ; the stack grows down from here
SECTOR          equ 512
TABLE           equ RELOCATED + 0x1BE
ENTRIES         equ 4
ENTRY_SIZE      equ 16
ENTRY_LBA       equ 8
ACTIVE          equ 0x80
FIRST_DISK      equ 0x80                ; what else is in DL is rubbish, and means the first disk
LAST_DISK       equ 0x8F - 0x100        ; as a signed number, like all from 80h up
PACKET_SIZE     equ 16
CYLINDER_MAX    equ 1023                ; CHS reads have ten bits for it
TRIES           equ 3                   ; a disk that hangs may cost half a minute each
MAGIC           equ 0xAA55
POISON          equ 0x4B4D

drive           equ BOOT_SECTOR - 2     ; word, the first on the stack
arrived         equ BOOT_SECTOR + 0x1FE ; the last word of the sector that is read

; Until the far jump this runs where the boot sector belongs.
start:
        xor ax, ax
        mov ss, ax                      ; a 386 lets no interrupt in between these two
        mov sp, BOOT_SECTOR
        mov ds, ax
        mov es, ax
        mov si, sp
        mov di, RELOCATED
        mov cx, SECTOR / 2
        cld
        rep movsw
        jmp 0:relocated
relocated:
        cmp dl, LAST_DISK               ; signed, so 00h to 7Fh are above it as well as 90h to FFh
        jle .drive
        mov dl, FIRST_DISK
.drive:
        push dx

; BP = the active entry, from here to the end. SI = the text for whatever is wrong.
        mov si, bad_table
        xor bp, bp
        mov bx, TABLE
        mov cl, ENTRIES                 ; the copying has left CX = 0
.entry:
        cmp byte [bx], 0
        je .next
        cmp byte [bx], ACTIVE
        jne fail
        test bp, bp
        jnz fail
        mov bp, bx
.next:
        add bx, ENTRY_SIZE
        loop .entry
        test bp, bp
        jnz load
        mov si, none_active

; The one way out. It waits for a key, since a BIOS that went on to the next disk at once would start the other half of
; a mirror, stale or not, before anybody has read why.
; In:  SI = what is wrong
; Out: does not return
fail:
        push si
        mov si, advice
        call print
        pop si
        call print
        ; INT 16h AH=00: waits; returns AX = key. INT 18h: the next boot device, or whatever a BIOS does without one
        mov ah, 0x00
        int 0x16
        int 0x18
.halt:
        hlt
        jmp .halt

; In:       SI = text, ends with a zero; `print` is the entry
; Clobbers: AX BH SI
put:
        ; INT 10h AH=0E: AL = character, BH = page; returns nothing
        mov ah, 0x0E
        mov bh, 0
        int 0x10
print:
        lodsb
        test al, al
        jnz put
        ret

load:
        cmp dword [bp + ENTRY_LBA], 0   ; sector 0 again, and so on for ever
        je fail
.try:
        mov word [arrived], POISON      ; some firmware reports success and leaves the buffer alone
        ; INT 13h AH=41: BX = 55AAh, DL = drive; returns CF, BX = AA55h, CX bit 0: AH=42 is there
        mov ah, 0x41
        mov bx, 0x55AA
        call int13
        jc .chs
        cmp bx, 0xAA55
        jne .chs
        test cl, 1
        jz .chs
        ; INT 13h AH=42: DL = drive, DS:SI = packet; returns CF, AH = status
        push dword 0
        push dword [bp + ENTRY_LBA]
        push ds                         ; target
        push word BOOT_SECTOR
        push word 1                     ; sectors
        push word PACKET_SIZE
        mov si, sp
        mov ah, 0x42
        jmp .read
.chs:
        ; INT 13h AH=08: DL = drive, ES:DI = 0 against BIOS bugs; returns CF, AH = status, DH = last head,
        ; CL bits 0-5 = sectors on a track
        mov ah, 0x08
        xor di, di
        call int13
        jc .failed
        and ecx, 0x3F
        jz .failed
        movzx ebx, dh
        inc bx
        mov eax, [bp + ENTRY_LBA]
        xor edx, edx
        div ecx                         ; EAX = track, EDX = sector on it, from 0
        mov cx, dx
        inc cx
        xor edx, edx
        div ebx                         ; EAX = cylinder, EDX = head
        mov si, no_reach
        cmp eax, CYLINDER_MAX
        ja .fail
        ; INT 13h AH=02: AL = sectors, CH = cylinder bits 0-7, CL = its bits 8-9 above the sector from 1, DH = head,
        ; DL = drive, ES:BX = target; returns CF, AH = status
        mov ch, al
        shl ah, 6
        or cl, ah
        mov dh, dl
        mov ax, 0x0201
        mov bx, BOOT_SECTOR
.read:
        call int13
        mov sp, drive                   ; drops the packet, and the carry stays
        jc .failed
        cmp word [arrived], POISON
        je .failed
        mov si, no_boot_sector
        cmp word [arrived], MAGIC
        jne .fail
        pop dx
        mov si, bp
        jmp BOOT_SECTOR
.failed:
        dec byte [tries]
        jz .unreadable
        ; INT 13h AH=00: DL = drive; its status says nothing about the disk
        mov ah, 0x00
        call int13
        jmp .try

; AH = status of the BIOS; 00 for a "success" that delivered nothing
.unreadable:
        mov al, ah
        aam 16                          ; AH = high digit, AL = low digit
        call digit
        xchg al, ah
        call digit
        mov [status], ax
        mov si, read_error
.fail:
        jmp fail

; In:  AL = 0 to 15
; Out: AL = hexadecimal digit
digit:
        cmp al, 10                      ; the carry parts 0-9 from 10-15
        sbb al, 0x69
        das
        ret

; INT 13h for our drive. Some BIOSes lose registers, leave interrupts off, or return at once from what they do not know,
; flags untouched.
; In:       the function's registers, but for DL
; Out:      the function's registers; BP, DS = ES = 0, interrupts on, direction up
; Clobbers: all others
int13:
        push bp
        mov dl, [drive]
        stc
        int 0x13
        sti
        cld
        push ss
        pop ds
        push ss
        pop es
        pop bp
        ret

tries:          db TRIES                ; left

advice:         db 13, 10, 'Start mkbootdisk or press a key: ', 0
bad_table:      db 'bad partition table', 0
none_active:    db 'no active partition', 0
no_boot_sector: db 'no boot sector', 0
no_reach:       db 'needs LBA mode', 0
read_error:     db 'read error '
status:         db '00', 0

        times CODE_SIZE - ($ - $$) db 0 ; an error here: the code is too long
