/* SPDX-License-Identifier: Apache-2.0 */
/* Which emulated device an address belongs to. What the devices do is theirs. */
#include "core/mmio.h"

#include "core/domain.h"
#include "core/vcpu.h"
#include "core/vgic.h"
#include "core/vpl011.h"

enum mmio_result mmio_access(struct vcpu *vcpu, ipa_t ipa, unsigned int size, bool write,
                             uint64_t *value)
{
    if (ipa.raw - vcpu->domain->layout.uart < VPL011_SIZE)
        return vpl011_mmio(vcpu, ipa.raw, size, write, value);
    return vgic_mmio(vcpu, ipa.raw, size, write, value);
}
