"""A firewall: ARP and ping pass, so does TCP to port 80 and what answers it; everything else is dropped by the switch.

    osken-manager examples/os-ken/firewall.py
"""

from os_ken.base import app_manager
from os_ken.controller import ofp_event
from os_ken.controller.handler import CONFIG_DISPATCHER, set_ev_cls
from os_ken.lib.packet import ether_types, in_proto
from os_ken.ofproto import ofproto_v1_3

IP = {'eth_type': ether_types.ETH_TYPE_IP}
ALLOWED = [
    {'eth_type': ether_types.ETH_TYPE_ARP},
    {**IP, 'ip_proto': in_proto.IPPROTO_ICMP},
    {**IP, 'ip_proto': in_proto.IPPROTO_TCP, 'tcp_dst': 80},
    {**IP, 'ip_proto': in_proto.IPPROTO_TCP, 'tcp_src': 80},
]


class Firewall(app_manager.OSKenApp):
    OFP_VERSIONS = [ofproto_v1_3.OFP_VERSION]

    @set_ev_cls(ofp_event.EventOFPSwitchFeatures, CONFIG_DISPATCHER)
    def connected(self, event):
        datapath = event.msg.datapath
        ofp, parser = datapath.ofproto, datapath.ofproto_parser
        # The built-in way learns and forwards; we only say what may go it.
        normal = parser.OFPInstructionActions(ofp.OFPIT_APPLY_ACTIONS, [parser.OFPActionOutput(ofp.OFPP_NORMAL)])
        for fields in ALLOWED:
            match = parser.OFPMatch(**fields)
            datapath.send_msg(parser.OFPFlowMod(datapath=datapath, priority=100, match=match, instructions=[normal]))
        # Without instructions a rule drops, and counts what it drops.
        datapath.send_msg(parser.OFPFlowMod(datapath=datapath, priority=0, match=parser.OFPMatch(), instructions=[]))
