import QtQuick
import QtQuick.Controls.Basic
import QtQuick.Layouts
import "../controls"

// Whom one knows at the start, where one listens, and who keeps one's mail.
Page {
    id: page
    signal went(string page)
    title: qsTr("Network settings")
    canGoBack: true
    onVisibleChanged: if (visible) configView.look()
    Component.onCompleted: if (visible) configView.look()

    ConfigFault {}
    ConfigList {
        key: "bootstrap_peers"
        title: qsTr("Known peers and relays")
        hint: qsTr("They are dialled first and always. One is enough to find all others: any relay, or any friend who is there.")
        none: qsTr("None is named.")
        about: qsTr("Address of a peer or relay")
        example: "/ip4/203.0.113.7/tcp/4001/p2p/12D3KooW…"
    }
    ConfigList {
        key: "bootstrap_urls"
        title: qsTr("Lists of relays")
        hint: qsTr("Each is fetched over the internet, and tells nothing but where relays are.")
        none: qsTr("No list is named.")
        about: qsTr("Address of a list on the web")
        example: "https://example.org/bootstrap.json"
    }
    Card {
        hint: qsTr("Off: only the peers named above are dialled, and whom you have met before.")
        ConfigSwitch { key: "fetch"; text: qsTr("Use lists, and those that come with the program"); Layout.fillWidth: true }
    }
    ConfigList {
        key: "listen"
        title: qsTr("Where you listen")
        hint: qsTr("0.0.0.0 and :: mean all networks of this machine. Port 0 takes any that is free; give a number where a router forwards one.")
        none: qsTr("Nowhere: others cannot connect to you, only you to them.")
        about: qsTr("Address to listen on")
        example: "/ip4/0.0.0.0/tcp/4001"
        hasDefault: true
    }
    ConfigList {
        key: "announce"
        title: qsTr("Addresses told to others")
        hint: qsTr("Beside those that this machine sees itself: a domain name, or the address of a router that forwards a port.")
        none: qsTr("Those that this machine sees.")
        about: qsTr("Address to be told to others")
        example: "/dns4/me.example.org/tcp/4001"
    }
    ConfigList {
        key: "mailboxes.relays"
        title: qsTr("Who keeps your mail")
        hint: qsTr("What is written to you while you are away waits there, sealed. Eight at most.")
        none: qsTr("Two relays, chosen by the program.")
        about: qsTr("Address of a relay, or of a contact who serves you")
        example: "/dns4/relay.example.org/tcp/4001/p2p/12D3KooW…"
    }
    Card {
        NextPage { objectName: "toNetwork"; sign: "network"; text: qsTr("Status, peers and blocks"); Layout.fillWidth: true; onClicked: page.went("network") }
    }
}
