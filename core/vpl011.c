/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PL011 of a domain. A character is sent the moment it is written, so the transmit interrupt
 * rises with each write, as it does when a FIFO runs down through its mark; the receive timeout
 * passes at once, so a character below the mark is announced without delay.
 */
#include "core/vpl011.h"

#include "core/console.h"
#include "core/domain.h"
#include "core/vcpu.h"
#include "core/vgic.h"

#define DR       0x000u
#define RSR      0x004u
#define FR       0x018u
#define IBRD     0x024u
#define FBRD     0x028u
#define LCR_H    0x02cu
#define CR       0x030u
#define IFLS     0x034u
#define IMSC     0x038u
#define RIS      0x03cu
#define MIS      0x040u
#define ICR      0x044u
#define DMACR    0x048u
#define ID_START 0xfe0u

#define FR_RXFE BIT64(4)
#define FR_RXFF BIT64(6)
#define FR_TXFE BIT64(7)

#define INT_RX  0x010u
#define INT_TX  0x020u
#define INT_RT  0x040u
#define INT_OE  0x400u
#define INT_ALL 0x7ffu

#define RSR_OE     0x8u
#define LCR_H_FEN  0x10u
#define CR_ENABLED 0x301u /* UARTEN, TXE, RXE: as firmware leaves it */
#define FIFO_DEPTH 16u

/* PeriphID0..3 of revision r1p1, whose FIFOs hold 16, and PCellID0..3. */
static const uint8_t identity[] = {0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1};

static unsigned rx_count(const struct vpl011 *u) { return (uint16_t)(u->rx_head - u->rx_tail); }

/* Characters in the FIFO at which the receive interrupt rises: IFLS.RXIFLSEL. */
static unsigned rx_mark(const struct vpl011 *u)
{
    static const uint8_t marks[8] = {2, 4, 8, 12, 14, 14, 14, 14};

    return u->lcr_h & LCR_H_FEN ? marks[(u->ifls >> 3) & 7] : 1;
}

static void update_line(struct domain *d)
{
    struct vpl011 *u = &d->uart;
    bool line = (u->ris & u->imsc) != 0;

    if (line == u->line)
        return;
    u->line = line;
    vgic_inject(d, NULL, VPL011_INTID, line);
}

static uint32_t read_dr(struct domain *d)
{
    struct vpl011 *u = &d->uart;
    unsigned count = rx_count(u);
    uint32_t value;

    if (count == 0)
        return 0;
    value = (uint8_t)u->rx[u->rx_tail++ % VPL011_RX_SIZE];
    count--;
    if (count < rx_mark(u))
        u->ris &= (uint16_t)~INT_RX;
    if (count == 0)
        u->ris &= (uint16_t)~INT_RT;
    update_line(d);
    return value;
}

static uint32_t read_fr(const struct vpl011 *u)
{
    unsigned count = rx_count(u);
    uint64_t fr = FR_TXFE;

    if (count == 0)
        fr |= FR_RXFE;
    if (count >= (u->lcr_h & LCR_H_FEN ? FIFO_DEPTH : 1))
        fr |= FR_RXFF;
    return (uint32_t)fr;
}

static uint32_t read_register(struct domain *d, unsigned offset)
{
    struct vpl011 *u = &d->uart;

    switch (offset) {
    case DR:
        return read_dr(d);
    case RSR:
        return u->rsr;
    case FR:
        return read_fr(u);
    case IBRD:
        return u->ibrd;
    case FBRD:
        return u->fbrd;
    case LCR_H:
        return u->lcr_h;
    case CR:
        return u->cr;
    case IFLS:
        return u->ifls;
    case IMSC:
        return u->imsc;
    case RIS:
        return u->ris;
    case MIS:
        return u->ris & u->imsc;
    case DMACR:
        return u->dmacr;
    default:
        break;
    }
    if (offset >= ID_START && offset % 4 == 0)
        return identity[(offset - ID_START) / 4];
    return 0;
}

static void write_register(struct domain *d, unsigned offset, uint32_t value)
{
    struct vpl011 *u = &d->uart;

    switch (offset) {
    case DR:
        console_guest_putc(d, (char)value);
        u->ris |= INT_TX;
        break;
    case RSR:
        u->rsr = 0;
        return;
    case IBRD:
        u->ibrd = (uint16_t)value;
        return;
    case FBRD:
        u->fbrd = value & 0x3f;
        return;
    case LCR_H:
        u->lcr_h = value & 0xff;
        return;
    case CR:
        u->cr = (uint16_t)value;
        return;
    case IFLS:
        u->ifls = value & 0x3f;
        return;
    case IMSC:
        u->imsc = value & INT_ALL;
        break;
    case ICR:
        u->ris &= (uint16_t)~value;
        break;
    case DMACR:
        u->dmacr = value & 7; /* kept, but there is no DMA controller to ask */
        return;
    default:
        return;
    }
    update_line(d);
}

enum mmio_result vpl011_mmio(struct vcpu *v, uint64_t ipa, unsigned size, bool write,
                             uint64_t *value)
{
    struct domain *d = v->domain;
    uint64_t offset = ipa - d->layout.uart;

    if (offset >= VPL011_SIZE || !d->uart.enabled)
        return MMIO_NONE;
    domain_io_lock(d);
    /* Registers are words of which at most 16 bits count: a wider access sees zeros above. */
    if (write)
        write_register(d, (unsigned)offset, (uint32_t)*value);
    else
        *value = read_register(d, (unsigned)offset) & GENMASK64(8 * size - 1, 0);
    domain_io_unlock(d);
    return MMIO_DONE;
}

void vpl011_input(struct domain *d, char c)
{
    struct vpl011 *u = &d->uart;

    if (!u->enabled)
        return;
    domain_io_lock(d);
    if (rx_count(u) == VPL011_RX_SIZE) {
        u->rsr |= RSR_OE;
        u->ris |= INT_OE;
    } else {
        u->rx[u->rx_head++ % VPL011_RX_SIZE] = c;
        u->ris |= INT_RT;
        if (rx_count(u) >= rx_mark(u))
            u->ris |= INT_RX;
    }
    update_line(d);
    domain_io_unlock(d);
}

void vpl011_reset(struct domain *d)
{
    bool enabled = d->uart.enabled;

    d->uart = (struct vpl011){.enabled = enabled, .cr = CR_ENABLED, .ifls = 0x12};
    if (enabled)
        vgic_inject(d, NULL, VPL011_INTID, false);
}

void vpl011_init(struct domain *d)
{
    d->uart.enabled = true;
    vpl011_reset(d);
}
