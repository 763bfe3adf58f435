"""A load balancer: 10.0.0.100 stands for the servers on ports 2 and 3; a select group gives each flow one of them.

    osken-manager examples/os-ken/balancer.py
"""

from os_ken.base import app_manager
from os_ken.controller import ofp_event
from os_ken.controller.handler import CONFIG_DISPATCHER, MAIN_DISPATCHER, set_ev_cls
from os_ken.lib.packet import arp, ether_types, ethernet, packet
from os_ken.ofproto import ofproto_v1_3

ADDRESS, MAC = '10.0.0.100', '02:00:00:00:01:00'
SERVERS = {2: ('10.0.0.2', '02:00:00:00:00:02'), 3: ('10.0.0.3', '02:00:00:00:00:03')}
GROUP = 1


class Balancer(app_manager.OSKenApp):
    OFP_VERSIONS = [ofproto_v1_3.OFP_VERSION]

    @set_ev_cls(ofp_event.EventOFPSwitchFeatures, CONFIG_DISPATCHER)
    def connected(self, event):
        datapath = event.msg.datapath
        ofp, parser = datapath.ofproto, datapath.ofproto_parser
        output, to = parser.OFPActionOutput, parser.OFPActionSetField

        buckets = [
            parser.OFPBucket(weight=1, actions=[to(eth_dst=mac), to(ipv4_dst=address), output(port)])
            for port, (address, mac) in SERVERS.items()
        ]
        datapath.send_msg(parser.OFPGroupMod(datapath, ofp.OFPGC_ADD, ofp.OFPGT_SELECT, GROUP, buckets))
        ip = {'eth_type': ether_types.ETH_TYPE_IP}
        self.add(datapath, 20, {**ip, 'ipv4_dst': ADDRESS}, [parser.OFPActionGroup(GROUP)])
        for port, (address, _) in SERVERS.items():
            answer = [to(eth_src=MAC), to(ipv4_src=ADDRESS), output(ofp.OFPP_NORMAL)]
            self.add(datapath, 20, {**ip, 'in_port': port, 'ipv4_src': address}, answer)
        # Nobody has the address, so we answer for it.
        asked = {'eth_type': ether_types.ETH_TYPE_ARP, 'arp_op': arp.ARP_REQUEST, 'arp_tpa': ADDRESS}
        self.add(datapath, 20, asked, [output(ofp.OFPP_CONTROLLER, ofp.OFPCML_NO_BUFFER)])
        self.add(datapath, 0, {}, [output(ofp.OFPP_NORMAL)])

    def add(self, datapath, priority, fields, actions):
        ofp, parser = datapath.ofproto, datapath.ofproto_parser
        apply = [parser.OFPInstructionActions(ofp.OFPIT_APPLY_ACTIONS, actions)]
        match = parser.OFPMatch(**fields)
        datapath.send_msg(parser.OFPFlowMod(datapath=datapath, priority=priority, match=match, instructions=apply))

    @set_ev_cls(ofp_event.EventOFPPacketIn, MAIN_DISPATCHER)
    def asked(self, event):
        message = event.msg
        datapath = message.datapath
        ofp, parser = datapath.ofproto, datapath.ofproto_parser
        request = packet.Packet(message.data).get_protocol(arp.arp)
        if request is None:
            return
        reply = packet.Packet()
        reply.add_protocol(ethernet.ethernet(request.src_mac, MAC, ether_types.ETH_TYPE_ARP))
        reply.add_protocol(
            arp.arp(
                opcode=arp.ARP_REPLY, src_mac=MAC, src_ip=ADDRESS, dst_mac=request.src_mac, dst_ip=request.src_ip
            )
        )
        reply.serialize()
        datapath.send_msg(
            parser.OFPPacketOut(
                datapath=datapath,
                buffer_id=ofp.OFP_NO_BUFFER,
                in_port=ofp.OFPP_CONTROLLER,
                actions=[parser.OFPActionOutput(message.match['in_port'])],
                data=reply.data,
            )
        )
